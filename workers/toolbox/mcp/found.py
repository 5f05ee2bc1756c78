"""What a server lists, as the tools that are kept of a source. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TypedDict

from mcp_types import Tool

from webapp.common.values import JSON
from workers.toolbox.mcp.schemas import SchemaUnfit, fit
from workers.toolbox.texts import bounded

NAME_CHARS = 33  # with the source's name and a stroke, 64: the most that models take
DESCRIPTION_CHARS = 2000
ODD = re.compile(r"[^A-Za-z0-9_-]")


class Found(TypedDict):
    """
    Attributes:
        name: without the source's.
        call: `{"tool": "..."}`, its name at the server.
    """

    name: str
    description: str
    parameters: JSON
    call: JSON


def found(tools: Iterable[Tool]) -> list[Found]:
    """Those whose arguments can be checked, by name; what the server says of their harmlessness is not believed."""
    kept: dict[str, Found] = {}
    for tool in tools:
        name = short(tool.name)
        try:
            parameters = fit(tool.input_schema)
        except SchemaUnfit:
            continue
        if tool.name and name not in kept:
            about = bounded(tool.description or tool.title or tool.name, DESCRIPTION_CHARS)
            kept[name] = Found(name=name, description=about, parameters=parameters, call={"tool": tool.name})
    return [kept[name] for name in sorted(kept)]


def short(name: str) -> str:
    """As models take it; a name that had to be cut or changed keeps apart from others by its hash."""
    plain = ODD.sub("_", name)
    if plain == name and len(name) <= NAME_CHARS:
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{plain[: NAME_CHARS - 7]}_{mark}"
