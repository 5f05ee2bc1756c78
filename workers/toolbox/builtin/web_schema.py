"""What the parameters of tools that read the web have in common."""

from __future__ import annotations

import asyncio
from typing import Any

from workers.toolbox.tool import ToolContext
from workers.toolbox.web.browser import Browser

SPARE_S = 3.0  # of a tool's time, to give what was read so far instead of nothing
ADDRESS: dict[str, Any] = {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2000}
PATHS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 500},
    "maxItems": 20,
    "default": [],
}


def whole(default: int, least: int, most: int, description: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default, "description": description}


def browser_of(context: ToolContext) -> Browser:
    if context.web is None:
        raise RuntimeError("this process reads no web")
    return context.web


def until(timeout_s: float) -> float:
    """In the event loop's time."""
    return asyncio.get_running_loop().time() + timeout_s - SPARE_S
