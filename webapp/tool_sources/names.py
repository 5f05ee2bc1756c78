"""What a source's tool is called. Pure."""

from __future__ import annotations

import hashlib
import re

LIMIT_CHARS = 64  # what models' interfaces take
HASH_CHARS = 8


def tool_name(source: str, own: str) -> str:
    """`{source}_{own}` of a-z, 0-9 and _; a long one is shortened and ends with a part of its hash."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", own)
    plain = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    name = f"{source}_{plain or hashlib.sha256(own.encode('utf-8', 'replace')).hexdigest()[:HASH_CHARS]}"
    if len(name) <= LIMIT_CHARS:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:HASH_CHARS]
    return f"{name[: LIMIT_CHARS - HASH_CHARS - 1].rstrip('_')}_{mark}"
