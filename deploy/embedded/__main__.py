"""`make run`: brings everything up, shows the first example, follows the logs, and takes everything down."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from deploy.embedded import demo, logs, preflight
from deploy.embedded.home import CannotStart
from deploy.embedded.revive import Reviver
from deploy.embedded.say import say
from deploy.embedded.stack import Stack
from deploy.embedded.supervise import Supervisor
from deploy.embedded.welcome import welcome

LOOK_EVERY_S = 0.5


def main() -> int:
    """0 when it was asked to stop (ONCE: when the example completed), else 1."""
    stopping = threading.Event()

    def interrupt(*_: object) -> None:
        """The first signal begins the end; further ones must not disturb it."""
        if not stopping.is_set():
            stopping.set()
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    once = os.environ.get("ONCE") not in (None, "", "0")
    try:
        preflight.check(os.environ)
        home = preflight.home_of(os.environ)
        with home.lock() as lock:
            return _serve(Stack(home, dict(os.environ), lock), once, stopping)
    except CannotStart as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 1 if once else 0


def _serve(stack: Stack, once: bool, stopping: threading.Event) -> int:
    try:
        began = time.monotonic()
        credentials = stack.up()
        say(f"ready after {time.monotonic() - began:.1f} s")
        good = True
        if once or not stack.secrets.get("example_shown"):
            good = demo.run(stack.url, credentials["api_key"], demo.first_example(preflight.ROOT / "examples"))
            stack.home.remember({"example_shown": good})
        welcome(credentials, stack.home.path("credentials.json"))
        if once:
            return 0 if good else 1
        _stay(stack, stopping)
        return 0
    finally:
        stopping.set()
        _take_down(stack)


def _take_down(stack: Stack) -> None:
    if stack.supervisor:
        say("stopping")
    began = time.monotonic()
    stack.down()
    if stack.supervisor:
        say(f"stopped after {time.monotonic() - began:.1f} s")


def _stay(stack: Stack, stopping: threading.Event) -> None:
    """
    Show the logs until a signal.

    Raises:
        CannotStart: the supervisor has died, and everything with it.
    """
    assert stack.supervisor
    follower = logs.Follower(stack.home.path("logs"), [p["name"] for p in stack.supervisor.processes()])
    follower.start()
    try:
        _watch(stack.supervisor, stopping)
    finally:
        follower.stop()


def _watch(supervisor: Supervisor, stopping: threading.Event) -> None:
    reviver = Reviver()
    while not stopping.wait(LOOK_EVERY_S):
        if supervisor.process.poll() is not None:
            raise CannotStart("The process supervisor has died, so everything was stopped. Start again with: make run")
        try:
            for process in reviver.due(supervisor.processes(), time.monotonic()):
                say(f"{process['name']} keeps ending; starting it again")
                supervisor.start(process)
        except OSError:
            pass  # it died just now: the next look says so


if __name__ == "__main__":
    sys.exit(main())
