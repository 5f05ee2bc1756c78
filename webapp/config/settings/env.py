"""Small typed readers of environment variables. A missing or odd value stops the start and names the variable."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None or value == "":
        if default == "":
            return ""
        raise ImproperlyConfigured(f"{name} is not set")
    return value


def number(name: str, default: float, *, least: float = 0.0) -> float:
    raw = os.environ.get(name) or str(default)
    try:
        value = float(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {raw!r}") from None
    if value < least:
        raise ImproperlyConfigured(f"{name} must be at least {least:g}, not {raw}")
    return value


def whole(name: str, default: int, *, least: int = 0) -> int:
    value = number(name, default, least=least)
    if value != int(value):
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value}")
    return int(value)


def words(name: str) -> list[str]:
    """A comma-separated list; empty when unset."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def commands(name: str) -> dict[str, list[str]]:
    """JSON: command lines by a name, e.g. `{"clock": ["/usr/bin/clock-server", "--utc"]}`; empty when unset."""
    raw = os.environ.get(name) or "{}"
    try:
        found = json.loads(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be JSON") from None
    if not isinstance(found, dict) or not all(map(_is_command, found.values())):
        raise ImproperlyConfigured(f"{name} must be a JSON object of lists of words, none of them empty")
    return found


def secrets(name: str, least_chars: int = 32) -> list[str]:
    """Comma-separated, at least one; never quoted in an error."""
    found = words(name)
    if not found:
        raise ImproperlyConfigured(f"{name} is not set")
    if min(map(len, found)) < least_chars:
        raise ImproperlyConfigured(f"{name} must hold texts of at least {least_chars} random characters")
    return found


def one_of(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def three_numbers(name: str, given: list[str]) -> tuple[int, int, int]:
    if len(given) != 3 or not all(word.isdecimal() and int(word) > 0 for word in given):
        raise ImproperlyConfigured(f"{name} must be three whole numbers: a minute, an hour, a day")
    return int(given[0]), int(given[1]), int(given[2])


def whole_numbers(name: str, default: list[int], *, least: int, most: int) -> list[int]:
    """A comma-separated list of at least one."""
    given = words(name) or [str(number) for number in default]
    if not all(word.isdecimal() and least <= int(word) <= most for word in given):
        raise ImproperlyConfigured(f"{name} must be whole numbers from {least} to {most}")
    return [int(word) for word in given]


def flag(name: str) -> bool:
    raw = os.environ.get(name, "").lower()
    if raw in ("", "0", "false", "no"):
        return False
    if raw in ("1", "true", "yes"):
        return True
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {raw!r}")


def database(name: str) -> dict[str, Any]:
    """A `postgresql://` URL as a Django database entry; `?host=/folder` names a Unix socket."""
    parts = urlsplit(text(name))
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"{name} must start with postgresql://")
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or parts.hostname or ""
    return {
        "ENGINE": "webapp.common.postgres",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
    }


def store(prefix: str, *, folder: Path) -> dict[str, Any]:
    """
    Where bytes are kept, as an entry of Django's STORAGES: a folder, unless `<prefix>_S3_BUCKET` names a bucket.

    Without access keys of its own, boto3 looks for credentials as it always does (environment, profile, role).
    """
    bucket = text(f"{prefix}_S3_BUCKET", "")
    if not bucket:
        location = text(f"{prefix}_FOLDER", str(folder))
        return {"BACKEND": "webapp.workspaces.local_disk.LocalDisk", "OPTIONS": {"location": location}}
    told = {
        "bucket_name": bucket,
        "location": text(f"{prefix}_S3_PREFIX", ""),
        "endpoint_url": text(f"{prefix}_S3_ENDPOINT", "") or None,  # of a service other than Amazon's
        "region_name": text(f"{prefix}_S3_REGION", "") or None,
        "access_key": text(f"{prefix}_S3_ACCESS_KEY", "") or None,
        "secret_key": text(f"{prefix}_S3_SECRET_KEY", "") or None,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": told}


def given(name: str) -> bool:
    return bool(os.environ.get(name))


def _is_command(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(word, str) and word for word in value)
