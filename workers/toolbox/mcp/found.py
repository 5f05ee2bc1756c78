"""What a server lists, as a source's tools. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mcp_types import Tool

from webapp.common.values import JSON


def found(tools: Iterable[Tool]) -> list[JSON]:
    """
    `{"name", "description", "parameters", "call"}`; `call` is `{"tool": "..."}`, the name at the server.

    What the server says of a tool's harmlessness (its annotations) is left aside: it is no reason to believe it.
    """
    return [
        {
            "name": tool.name,
            "description": tool.description or tool.title or "",
            "parameters": tool.input_schema,
            "call": {"tool": tool.name},
        }
        for tool in tools
    ]
