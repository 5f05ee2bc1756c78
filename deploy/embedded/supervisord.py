"""
supervisord as the launcher runs it: `python -m deploy.embedded.supervisord CONFIGURATION HOME`.

What is added to the one of PyPI: nothing outlives it (its processes get SIGINT from the kernel when it is killed),
it looks at its processes five times a second instead of once, so that stopping in order is quick, and it removes
what belonged to the run, because the launcher may be gone by then.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from supervisor import supervisord
from supervisor.options import ServerOptions
from supervisor.poller import Poller

from deploy.embedded.home import Home
from deploy.embedded.system import die_with_parent

LOOK_EVERY_S = 0.2


class QuickPoller(Poller):  # type: ignore[misc]  # the package has no types
    def poll(self, timeout: float) -> object:
        return super().poll(min(timeout, LOOK_EVERY_S))


class Options(ServerOptions):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.poller = QuickPoller(self)

    def setpgrp(self) -> None:
        """Called in each new process, before its program."""
        super().setpgrp()
        die_with_parent(signal.SIGINT)


def main(configuration: str, root: str) -> None:
    supervisord.ServerOptions = Options
    try:
        supervisord.main(["-c", configuration])
    finally:
        Home(Path(root)).clean()


if __name__ == "__main__":
    main(*sys.argv[1:])
