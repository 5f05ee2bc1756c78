"""The real Postgres and Valkey for the tests: private, in a temporary folder, ended whatever happens."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded import postgres, roles, valkey
from deploy.embedded.home import Home, free_port

ROOT = Path(__file__).resolve().parents[2]


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@dataclass
class Services:
    """`env` is what settings and worker processes need."""

    home: Home
    env: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT)
        for process in reversed(self.processes):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.home.root, ignore_errors=True)


def start_services() -> Services:
    home = Home(Path(tempfile.mkdtemp(prefix="hartley-test-")))
    home.prepare()
    secrets = home.secrets()
    postgres.initialise(home, secrets["superuser"], durable=False)
    port = free_port()
    conf = valkey.configure(home, port=port, password=secrets["valkey"])
    redis_url = f"redis://:{secrets['valkey']}@127.0.0.1:{port}/0"
    admin = postgres.url(home, "postgres", secrets["superuser"], "postgres")
    database = roles.with_database(admin, "hartley")
    env = {
        "HARTLEY_HOME": str(home.root),
        "HARTLEY_SECRET_KEY": secrets["django"],
        "REDIS_URL": redis_url,
        "HARTLEY_SANDBOX_IMAGE": os.environ.get("HARTLEY_SANDBOX_IMAGE") or str(ROOT / ".hartley" / "sandbox"),
        "HARTLEY_TEST_ADMIN_URL": database,
        "DJANGO_SETTINGS_MODULE": "webapp.config.settings",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    for role in ("app", "system", "owner"):
        env[f"HARTLEY_DB_{role.upper()}_URL"] = roles.with_role(database, f"hartley_{role}", secrets[role])
    services = Services(home, env)
    for command in (postgres.command(home), [str(valkey.binary()), str(conf)]):
        log = open(home.path("logs") / f"{Path(command[-1]).name}.log", "wb")
        services.processes.append(
            subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=die_with_parent, cwd="/")
        )
    postgres.wait(admin, 30)
    valkey.wait(redis_url, 15)
    roles.ensure_roles(admin, {f"hartley_{r}": secrets[r] for r in ("owner", "app", "system")}, "hartley")
    return services
