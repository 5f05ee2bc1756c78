"""What a message of a conversation says, where it is shown to people or told in few words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def pieces(message: Mapping[str, Any]) -> Iterator[str]:
    """Its text, then its calls, as `add({"a": 2})`, then of images and files what they are: `[sum.pdf, application/pdf]`."""
    if message.get("content"):
        yield message["content"]
    for call in message.get("tool_calls", ()):
        yield f"{call['function']['name']}({call['function']['arguments']})"
    for part in message.get("parts", ()):
        if part["type"] != "text":
            yield f"[{part.get('name') or part['type']}, {part['media_type']}]"
