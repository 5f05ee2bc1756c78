"""credentials.json: what a newcomer or a script needs to talk to this Hartley. Readable by its owner only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

from deploy.embedded.home import CannotStart, write_json


class Login(TypedDict):
    """Made once, with the first tenant."""

    tenant_id: str
    email: str
    password: str
    api_key: str


class Credentials(Login):
    """The login, and the addresses of the present start."""

    url: str
    flower_url: str
    redis_url: str
    database_url: str


def read_login(path: Path) -> Login | None:
    """
    None when there is none yet.

    Raises:
        CannotStart: the file is there but damaged.
    """
    try:
        found = json.loads(path.read_text())
        return Login(**{name: found[name] for name in Login.__annotations__})  # type: ignore[typeddict-item]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise CannotStart(f"{path} is damaged; remove it, and the next start makes a new password and key.") from None


def write_credentials(path: Path, credentials: Credentials | Login) -> None:
    write_json(path, credentials)
