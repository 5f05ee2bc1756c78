"""A Valkey for tests that kill it, stop it or let it forget everything."""

from __future__ import annotations

import signal
import subprocess

from redis import Redis

from deploy.embedded import valkey
from deploy.embedded.home import free_port
from tests.support.services import die_with_parent


class OwnValkey:
    """On the loopback interface, without a password; keeps nothing."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.client = Redis.from_url(self.url)
        self.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """On the same port as before, with nothing in it."""
        command = [str(valkey.binary()), "--bind", "127.0.0.1", "--port", str(self._port), "--save", ""]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/", preexec_fn=die_with_parent)
        valkey.wait(self.url, 30)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """It takes connections, and answers nothing until `thaw`."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def messages(self) -> int:
        """Script calls since it started."""
        stats = self.client.info("commandstats")
        return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("eval", "evalsha"))

    def stop(self) -> None:
        self.client.close()
        self.kill()
