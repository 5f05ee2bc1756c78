"""Value types that every room shares. Pure."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]  # an object as it leaves or enters the process
SCHEMA_BYTES = 32 * 1024  # of a JSON schema, as JSON: an answer is checked against it where other calls run too


def storable(value: Any) -> Any:
    """Parsed JSON as Postgres takes it: NUL and lone surrogates, which valid JSON may hold, are replaced."""
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return value
