"""The real Postgres and Valkey for the tests: private, in a temporary folder, ended whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from deploy.embedded import postgres, roles, valkey
from deploy.embedded.home import CannotStart, Home, free_port
from deploy.embedded.system import die_with_parent as end_with_parent

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "hartley-test-"
OLD_S = 60.0


def die_with_parent() -> None:
    end_with_parent(signal.SIGKILL)


def stop_with_parent() -> None:
    """SIGINT is Postgres' and Valkey's quick and orderly end."""
    end_with_parent(signal.SIGINT)


@dataclass
class Services:
    """`env` is what settings and worker processes need."""

    home: Home
    env: dict[str, str]
    lock: IO[str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def launch(self, name: str, command: list[str], preexec: Callable[[], None] = stop_with_parent) -> None:
        with open(self.home.path("logs") / f"{name}.log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=preexec, cwd="/")
        self.processes.append(process)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT)
        for process in reversed(self.processes):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.home.clean()
        shutil.rmtree(self.home.root, ignore_errors=True)
        self.lock.close()


def start_services(*, durable: bool = False) -> Services:
    """Postgres, not `durable` without its protection against power failure, and Valkey; roles and an empty database."""
    remove_leftovers()
    home = Home(Path(tempfile.mkdtemp(prefix=PREFIX)))
    home.prepare()
    lock = home.lock()
    home.lay_out()
    secrets = home.secrets()
    port = free_port()
    admin = postgres.url(home, "postgres", secrets["superuser"], "postgres")
    redis_url = f"redis://:{secrets['valkey']}@127.0.0.1:{port}/0"
    services = Services(home, environment(home, redis_url, roles.with_database(admin, "hartley")), lock)
    try:
        postgres.initialise(home, secrets["superuser"], durable=durable)
        services.launch("postgres", postgres.command(home, durable=durable))
        services.launch(
            "valkey", [str(valkey.binary()), str(valkey.configure(home, port=port, password=secrets["valkey"]))]
        )
        postgres.wait(admin, 30)
        valkey.wait(redis_url, 15)
        roles.ensure_roles(admin, {f"hartley_{role}": secrets[role] for role in roles.NAMES}, "hartley")
    except BaseException:
        services.stop()
        raise
    return services


def environment(home: Home, redis_url: str, database: str) -> dict[str, str]:
    """
    Args:
        database: the administrator's URL of the database of these tests.
    """
    secrets = home.secrets()
    image = ROOT / ".hartley" / "tests" / "sandbox"  # kept between runs; not the one of a running `make run`
    return {
        **{f"HARTLEY_DB_{r.upper()}_URL": roles.with_role(database, f"hartley_{r}", secrets[r]) for r in roles.NAMES},
        "HARTLEY_HOME": str(home.root),
        "HARTLEY_SECRET_KEY": secrets["django"],
        "HARTLEY_ENCRYPTION_KEYS": secrets["encryption"],
        "HARTLEY_TASKS_PER_USER": "1000",  # tests leave many tasks open; those of admission set their own limits
        "HARTLEY_TASKS_PER_TENANT": "5000",
        "HARTLEY_POLICY_CHECK_S": "60",  # a machine that is busy is no reason to refuse a module, a version or a document
        "HARTLEY_CATALOGUE_CHECK_S": "60",
        "HARTLEY_SOURCE_READ_S": "60",
        "HARTLEY_ANSWER_CACHE_S": "0",  # the same prompt is a call each time; farms that test the cache say otherwise
        "REDIS_URL": redis_url,
        "HARTLEY_SANDBOX_IMAGE": os.environ.get("HARTLEY_SANDBOX_IMAGE") or str(image),
        "HARTLEY_TEST_ADMIN_URL": database,
        "DJANGO_SETTINGS_MODULE": "webapp.config.settings",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }


def remove_leftovers() -> None:
    """Folders of test runs that were killed: old ones whose lock nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime > OLD_S and (folder / "lock").exists():
                with Home(folder).lock(within_s=0):
                    shutil.rmtree(folder, ignore_errors=True)
        except (OSError, CannotStart):
            continue  # in use, or somebody else's
