"""How a tool's result is made fit for a model: bounded, and marked when it has words of somebody outside. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from webapp.common.values import JSON
from workers.toolbox.texts import bounded
from workers.toolbox.tool import Tool, ToolError, ToolResult

LEAST_CHARS = 200  # to which a text in a result is cut, before the result is shown as one text
ERROR_CHARS = 8000
KEPT = ("ok", "workspace", "artifacts")  # small, and read by others than the model


def shaped(tool: Tool, result: ToolResult, limit_chars: int) -> ToolResult:
    """What is shaped already stays as it is."""
    output = _bounded(result.output, limit_chars)
    error = result.error and replace(result.error, message=bounded(result.error.message, ERROR_CHARS))
    if tool.untrusted:
        output = {**output, "source": "untrusted"}
    return replace(result, output=output, error=error if isinstance(error, ToolError) else None)


def _bounded(output: JSON, limit_chars: int) -> JSON:
    """Long texts in it are cut, the same length for all; what is still too long then is one text that is cut."""
    whole = _chars(output)
    if whole <= limit_chars:
        return output
    each = limit_chars // 2
    while each >= LEAST_CHARS:
        cut = _with_texts_of(output, each)
        if _chars(cut) <= limit_chars:
            return {**cut, "cut": _note(whole)}
        each //= 2
    short = {name: output[name] for name in KEPT if name in output}
    text = bounded(json.dumps(output, ensure_ascii=False), limit_chars // 2)
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
