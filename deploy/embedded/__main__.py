"""`make run`: brings everything up in order, shows the first example, follows the logs, takes everything down in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from deploy.embedded import demo, logs, postgres, roles, valkey
from deploy.embedded.home import CannotStart, Home, free_port, write_private
from deploy.embedded.pids import PidFile
from deploy.embedded.programs import application
from deploy.embedded.supervise import Program, Supervisor, configure

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0


def say(text: str) -> None:
    print(f"hartley: {text}", flush=True)


class Stack:
    """Everything that `make run` brings up, for one data folder."""

    def __init__(self, home: Home, environ: dict[str, str]) -> None:
        self.home, self.environ = home, environ
        self.port = int(environ.get("PORT") or 8080)
        self.drain_s = float(environ.get("DRAIN_S") or 7)
        self.url = f"http://127.0.0.1:{self.port}"
        self.supervisor: Supervisor | None = None
        self._pids: PidFile | None = None

    # --- up ---

    def check(self) -> None:
        """
        Look before anything is made.

        Raises:
            CannotStart: a taken port, a missing tool.
        """
        if free_port(self.port) != self.port:
            raise CannotStart(f"Port {self.port} is taken; choose another, for example PORT={self.port + 1} make run.")
        if not self.environ.get("DATABASE_URL"):
            postgres.check_tools()
        if not self.environ.get("REDIS_URL"):
            valkey.binary()

    def up(self) -> None:
        """
        Raises:
            CannotStart: with the sentence to show; whatever ran has to be taken down by `down`.
        """
        self.secrets = self.home.secrets()
        self.ports = {name: free_port(self.secrets.get(f"{name}_port")) for name in ("valkey", "flower")}
        self._remember({f"{name}_port": port for name, port in self.ports.items()})
        services = self._services()
        app = application(
            port=self.port,
            flower_port=self.ports["flower"],
            schedule=str(self.home.run / "beat-schedule"),
            drain_s=self.drain_s,
        )
        conf = configure(self.home, [*services, *app], self.secrets["supervisor"], ROOT)
        self.environment = self._environment()
        with ThreadPoolExecutor(1) as side:
            image = side.submit(self._set_up, "sandbox.build", "--out", self.environment["HARTLEY_SANDBOX_IMAGE"])
            self.supervisor = Supervisor(self.home, conf, self.secrets["supervisor"], self.environment)
            self._pids = PidFile(self.home.path("pids.json"), self.supervisor)
            self._pids.start()
            self._database()
            valkey.wait(self.environment["REDIS_URL"], 15)
            for line in image.result().splitlines():
                say(line)
        for program in app:
            self.supervisor.start(program)
        self._wait_ready()

    def _services(self) -> list[Program]:
        found = []
        if not self.environ.get("DATABASE_URL"):
            say("starting Postgres")
            postgres.initialise(self.home, self.secrets["superuser"])
            command = postgres.command(self.home)
            found.append(Program("postgres", command, 10, 5, stop_signal="INT", autostart=True))
        if not self.environ.get("REDIS_URL"):
            conf = valkey.configure(self.home, port=self.ports["valkey"], password=self.secrets["valkey"])
            found.append(Program("valkey", [str(valkey.binary()), str(conf)], 20, 2, autostart=True))
        return found

    def _environment(self) -> dict[str, str]:
        admin = self._admin_url()
        database = roles.with_database(admin, "hartley") if not self.environ.get("DATABASE_URL") else admin
        urls = {
            f"HARTLEY_DB_{role.upper()}_URL": roles.with_role(database, f"hartley_{role}", self.secrets[role])
            for role in ("app", "system", "owner")
        }
        return {
            **self.environ,
            **urls,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "HARTLEY_HOME": str(self.home.root),
            "HARTLEY_SECRET_KEY": self.secrets["django"],
            "HARTLEY_SANDBOX_IMAGE": self.environ.get("HARTLEY_SANDBOX_IMAGE") or str(self.home.path("sandbox")),
            "REDIS_URL": self.environ.get("REDIS_URL")
            or f"redis://:{self.secrets['valkey']}@127.0.0.1:{self.ports['valkey']}/0",
            "DRAIN_S": str(max(1, self.drain_s - 2)),
            "PORT": str(self.port),
            "FLOWER_PORT": str(self.ports["flower"]),
            "HARTLEY_OWNER_PASSWORD": self.secrets["password"],
            "FLOWER_URL": f"http://127.0.0.1:{self.ports['flower']}",
            "FLOWER_BASIC_AUTH": f"hartley:{self.secrets['flower']}",
        }

    def _admin_url(self) -> str:
        return self.environ.get("DATABASE_URL") or postgres.url(
            self.home, "postgres", self.secrets["superuser"], "postgres"
        )

    def _database(self) -> None:
        admin = self._admin_url()
        postgres.wait(admin, 30)
        name = "hartley" if not self.environ.get("DATABASE_URL") else admin.rpartition("/")[2].partition("?")[0]
        passwords = {f"hartley_{role}": self.secrets[role] for role in ("owner", "app", "system")}
        roles.ensure_roles(admin, passwords, name)
        say("migrating the database")
        self._manage("migrate", "--database=owner", "--no-input", "-v", "0")
        made = json.loads(self._manage("hartley_init").strip().splitlines()[-1])
        if made:
            self._remember_credentials(made)

    def _manage(self, *arguments: str) -> str:
        return self._run([sys.executable, "manage.py", *arguments])

    def _set_up(self, module: str, *arguments: str) -> str:
        return self._run([sys.executable, "-m", module, *arguments])

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotStart(f"{' '.join(command[1:3])} failed:\n{(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout

    def _wait_ready(self) -> None:
        say("waiting until every queue has a worker")
        deadline = time.monotonic() + READY_S
        while True:
            try:
                with urlopen(f"{self.url}/readiness", timeout=10):
                    return
            except URLError:  # not up yet, or up and not ready
                if time.monotonic() > deadline:
                    raise CannotStart(self._why_not_ready()) from None
                time.sleep(0.2)

    def _why_not_ready(self) -> str:
        assert self.supervisor
        known = self.supervisor.processes()
        down = [p["name"] for p in known if p["statename"] != "RUNNING" or p["now"] - p["start"] < READY_S / 4]
        shown = "\n".join(
            f"--- {name} ---\n{logs.tail(self.home.path('logs') / f'{name}.log', 8)}" for name in down or ["web"]
        )
        return f"Not ready after {READY_S:g} s{': ' + ', '.join(down) + ' does not run' if down else ''}.\n{shown}"

    # --- what is kept ---

    def _credentials(self) -> dict[str, Any]:
        path = self.home.path("credentials.json")
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def _remember_credentials(self, made: dict[str, Any]) -> None:
        write_private(self.home.path("credentials.json"), made)

    def credentials(self) -> dict[str, Any]:
        """The file that newcomers and scripts read, brought up to date with the addresses of this start."""
        kept = {
            **self._credentials(),
            "url": self.url,
            "flower_url": f"{self.url}/flower/",
            "redis_url": self.environment["REDIS_URL"],
            "database_url": self.environment["HARTLEY_DB_APP_URL"],
        }
        self._remember_credentials(kept)
        return kept

    def _remember(self, facts: dict[str, Any]) -> None:
        self.secrets |= facts
        write_private(self.home.path("secrets.json"), self.secrets)

    def shown_before(self) -> bool:
        return bool(self.secrets.get("example_shown"))

    def example_shown(self) -> None:
        self._remember({"example_shown": True})

    # --- down ---

    def down(self) -> None:
        if self.supervisor:
            self.supervisor.stop(self.drain_s + 8)
        if self._pids:
            self._pids.stop()
        self.home.clean()


def main() -> int:
    once = os.environ.get("ONCE") not in (None, "", "0")
    stop = threading.Event()

    def interrupt(*_: object) -> None:
        """The first signal begins the end; further ones must not disturb it."""
        if not stop.is_set():
            stop.set()
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    home = Home(Path(os.environ.get("HARTLEY_HOME") or ROOT / ".hartley").absolute())
    stack = Stack(home, dict(os.environ))
    try:
        stack.check()
        home.prepare()
        with home.lock():
            return _serve(stack, once, stop)
    except CannotStart as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130 if once else 0


def _serve(stack: Stack, once: bool, stop: threading.Event) -> int:
    follower = None
    try:
        started = time.monotonic()
        stack.up()
        credentials = stack.credentials()
        say(f"ready after {time.monotonic() - started:.1f} s")
        good = True
        if once or not stack.shown_before():
            good = demo.run(stack.url, credentials["api_key"], sorted(ROOT.glob("examples/*/request.json"))[0].parent)
            if good:
                stack.example_shown()
        _welcome(stack, credentials)
        if once:
            return 0 if good else 1
        follower = logs.Follower(stack.home.path("logs"), [p["name"] for p in stack.supervisor.processes()])  # type: ignore[union-attr]
        follower.start()
        _watch(stack, stop)
        return 0
    finally:
        stop.set()
        if follower:
            follower.stop()
        if stack.supervisor:
            say("stopping")
        began = time.monotonic()
        stack.down()
        if stack.supervisor:
            say(f"stopped after {time.monotonic() - began:.1f} s")


def _watch(stack: Stack, stop: threading.Event) -> None:
    """Until a signal. A supervisor that dies takes nothing with it, so everything is ended by its pid."""
    assert stack.supervisor
    while not stop.wait(0.5):
        if stack.supervisor.process.poll() is not None:
            _end_orphans(stack)
            raise CannotStart("The supervisor has died; everything was stopped. Start again with: make run")


def _end_orphans(stack: Stack) -> None:
    import psutil  # only here

    known = json.loads(stack.home.path("pids.json").read_text())
    pids = [pid for name, entry in known.items() if name != "launcher" for pid in (entry["pid"], *entry["children"])]
    ours = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    for process in ours:
        process.terminate()
    for process in psutil.wait_procs(ours, 8)[1]:
        process.kill()


def _welcome(stack: Stack, credentials: dict[str, Any]) -> None:
    body = json.dumps({"query": "What is (12.5 + 7.5) * 3?"})
    print(
        f"""
Hartley is up.
  Open      {stack.url}          the dashboard; Admin and Flower are linked there
  Sign in     {credentials["email"]}  {credentials["password"]}
  API       {stack.url}/api/v1          health: {stack.url}/readiness
  Try       curl -s {stack.url}/api/v1/tasks -H 'X-API-Key: {credentials["api_key"]}' -H 'Content-Type: application/json' -d '{body}'
  Secrets   {stack.home.path("credentials.json")}
  Stop      Ctrl-C
""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
