"""Takes a source's secret out of what the source says: servers repeat what they were sent, mostly when they fail. Pure."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from workers.toolbox.tool import ToolError, ToolResult

LEAST_CHARS = 4  # a shorter one would be found in any text
BLOT = "[secret]"


def blotted(value: Any, secret: str) -> Any:
    """Parsed JSON, or a text that may be JSON."""
    return _without(value, forms(secret))


def blotted_result(result: ToolResult, secret: str) -> ToolResult:
    error = result.error and ToolError(result.error.code, blotted(result.error.message, secret), result.error.outage)
    return replace(result, output=blotted(result.output, secret), error=error)


def forms(secret: str) -> list[str]:
    """All that it is written as, the longest first, as one may hold another: plain, in addresses, in JSON, in `Basic`."""
    plain = {secret, secret.partition(":")[2]}
    escaped = {json.dumps(word)[1:-1] for word in plain}
    slashed = {word.replace("/", "\\/") for word in escaped}
    encoded = {b64encode(secret.encode()).decode()} if ":" in secret else set()
    every = plain | escaped | slashed | encoded | {quote(word, safe="") for word in plain | encoded}
    return sorted((word for word in every if len(word) >= LEAST_CHARS), key=len, reverse=True)


def _without(value: Any, words: Sequence[str]) -> Any:
    if isinstance(value, str):
        for word in words:
            value = value.replace(word, BLOT)
        return value
    if isinstance(value, list):
        return [_without(each, words) for each in value]
    if isinstance(value, dict):
        return {_without(key, words): _without(each, words) for key, each in value.items()}
    return value
