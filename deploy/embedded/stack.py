"""Everything that `make run` brings up for one data folder: in order up, in order down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from deploy.embedded import environment, postgres, readiness, roles, valkey
from deploy.embedded.commands import Commands
from deploy.embedded.credentials import Credentials, Login, read_login, write_credentials
from deploy.embedded.home import CannotStart, Home, free_port
from deploy.embedded.orphans import end_all
from deploy.embedded.pids import PidFile
from deploy.embedded.preflight import ROOT, drain_of, has_browser, port_of
from deploy.embedded.programs import application, services
from deploy.embedded.say import say
from deploy.embedded.supervise import Program, Supervisor, configure

SERVICE_S = 30.0  # for our Postgres or Valkey to answer; after a crash Postgres replays its log first
SERVER_S = 10.0  # for a server that others run
STOP_S = 8.0  # for everything that stops after the application


class Stack:
    """
    Args:
        lock: the open lock file of the data folder.
    """

    def __init__(self, home: Home, environ: Mapping[str, str], lock: IO[str]) -> None:
        self.home, self._environ, self._lock = home, environ, lock
        self.url = f"http://127.0.0.1:{port_of(environ)}"
        self.supervisor: Supervisor | None = None
        self._pids: PidFile | None = None
        self._commands: Commands | None = None

    def up(self) -> Credentials:
        """
        Raises:
            CannotStart: with the sentence to show; whatever ran has to be taken down by `down`.
        """
        self.home.lay_out()
        self.secrets = self.home.secrets()
        self._ports = {name: free_port(self.secrets.get(f"{name}_port")) for name in ("valkey", "flower", "browser")}
        self.home.remember({f"{name}_port": port for name, port in self._ports.items()})
        set_up = environment.for_set_up(self._environ, self.home, self.secrets, self._ports)
        self._commands = commands = Commands(set_up)
        image = commands.beside("-m", "sandbox.build", "--out", set_up["HARTLEY_SANDBOX_IMAGE"])
        supervisor = self._start_services(set_up)
        self._wait_services(set_up)
        login = self._prepare_database(commands)
        if not image.done():
            say("building the sandbox image (about 30 s, once)")
        image.result()
        self._start_application(supervisor)
        readiness.wait(self.url, supervisor, self.home.path("logs"))
        return self._publish(login, set_up)

    def _start_services(self, set_up: Mapping[str, str]) -> Supervisor:
        self._services = services(postgres=self._postgres(), valkey=self._valkey())
        self.supervisor = Supervisor(
            home=self.home,
            conf=self._configure(self._services),
            password=self.secrets["supervisor"],
            environment=environment.for_running(set_up),
            lock=self._lock,
        )
        self._pids = PidFile(self.home.path("pids.json"), self.supervisor)
        self._pids.start()
        self.supervisor.wait_up(SERVICE_S)
        return self.supervisor

    def _postgres(self) -> list[str] | None:
        if self._environ.get("DATABASE_URL"):
            return None
        say("starting Postgres")
        postgres.initialise(self.home, self.secrets["superuser"])
        return postgres.command(self.home)

    def _valkey(self) -> list[str] | None:
        if self._environ.get("REDIS_URL"):
            return None
        conf = valkey.configure(self.home, port=self._ports["valkey"], password=self.secrets["valkey"])
        return [str(valkey.binary()), str(conf)]

    def _wait_services(self, set_up: Mapping[str, str]) -> None:
        ours = {program.name for program in self._services}
        admin = environment.admin_url(self._environ, self.home, self.secrets)
        try:
            postgres.wait(admin, SERVICE_S if "postgres" in ours else SERVER_S)
            valkey.wait(set_up["REDIS_URL"], SERVICE_S if "valkey" in ours else SERVER_S)
        except CannotStart as error:
            logs = self.home.path("logs")
            raise CannotStart(readiness.with_logs(str(error), sorted(ours), logs) if ours else str(error)) from None

    def _configure(self, programs: list[Program]) -> Path:
        return configure(self.home, programs, self.secrets["supervisor"], ROOT)

    def _prepare_database(self, commands: Commands) -> Login:
        """Roles, schema and the first tenant; the login is written before anything else can fail."""
        admin = environment.admin_url(self._environ, self.home, self.secrets)
        passwords = {f"hartley_{role}": self.secrets[role] for role in roles.NAMES}
        roles.ensure_roles(admin, passwords, environment.database_name(self._environ))
        say("migrating the database")
        kept = read_login(self._credentials_path)
        arguments = [] if kept else ["--renew"]
        made: Login = json.loads(commands.python("-m", "deploy.embedded.prepare", *arguments).splitlines()[-1])
        login = made or kept  # nothing is made where a tenant and its login are
        assert login
        write_credentials(self._credentials_path, login)
        return login

    def _start_application(self, supervisor: Supervisor) -> None:
        programs = application(
            port=port_of(self._environ),
            flower_port=self._ports["flower"],
            schedule=str(self.home.run / "beat-schedule"),
            drain_s=drain_of(self._environ),
            browser_port=self._ports["browser"] if has_browser(self._environ) else None,
        )
        self._configure([*self._services, *programs])
        supervisor.add(programs)

    @property
    def _credentials_path(self) -> Path:
        return self.home.path("credentials.json")

    def _publish(self, login: Login, set_up: Mapping[str, str]) -> Credentials:
        """Write the file that newcomers and scripts read, with the addresses of this start."""
        made: Credentials = {
            **login,
            "url": self.url,
            "flower_url": f"{self.url}/flower/",
            "redis_url": set_up["REDIS_URL"],
            "database_url": set_up["HARTLEY_DB_APP_URL"],
        }
        write_credentials(self._credentials_path, made)
        return made

    def down(self) -> None:
        if self._commands:
            self._commands.end()
        if self.supervisor:
            self.supervisor.stop(drain_of(self._environ) + STOP_S)
        if self._pids:
            self._pids.stop()
            end_all(self._pids.processes())
        self.home.clean()
