"""How a tool's result is made fit for a model: bounded, and marked when it has words of somebody outside. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from webapp.common.values import JSON
from workers.toolbox.texts import bounded
from workers.toolbox.tool import Tool, ToolError, ToolResult

LEAST_CHARS = 200  # to which a text in a result is cut, before the result is shown as one text
ERROR_CHARS = 8000
NOTES_CHARS = 200  # on what was left out
KEPT = ("ok", "workspace", "artifacts")  # small, and read by others than the model


@dataclass(frozen=True)
class Room:
    """
    Args:
        chars: of the JSON as the model reads it.
        size_bytes: of the JSON as it is stored, where all but plain English takes up to six bytes a character.
    """

    chars: int
    size_bytes: int

    def has(self, output: JSON) -> bool:
        return _chars(output) <= self.chars and len(json.dumps(output)) <= self.size_bytes


def shaped(tool: Tool, result: ToolResult, room: Room) -> ToolResult:
    """What is shaped already stays as it is."""
    mark = {"source": "untrusted"} if tool.untrusted else {}
    output = {**_bounded({**result.output, **mark}, room), **mark}
    error = result.error and replace(result.error, message=bounded(result.error.message, ERROR_CHARS))
    return replace(result, output=output, error=error if isinstance(error, ToolError) else None)


def _bounded(output: JSON, room: Room) -> JSON:
    """Long texts in it are cut, the same length for all; what is still too long then is one text that is cut."""
    if room.has(output):
        return output
    whole, each = _chars(output), room.chars // 2
    while each >= LEAST_CHARS:
        cut = _with_texts_of(output, each)
        if room.has(cut):
            return {**cut, "cut": _note(whole)}
        each //= 2
    short = {name: output[name] for name in KEPT if name in output}
    text = bounded(json.dumps(output), min(room.chars, room.size_bytes) // 2 - NOTES_CHARS)
    return {**short, "text": text, "cut": _note(whole)}


def _note(whole: int) -> str:
    return f"Parts were left out: the whole result has {whole} characters. Ask for less of it at a time."


def _with_texts_of(value: Any, chars: int) -> Any:
    if isinstance(value, str):
        return bounded(value, chars)
    if isinstance(value, Mapping):
        return {name: _with_texts_of(each, chars) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_with_texts_of(each, chars) for each in value]
    return value


def _chars(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False))
