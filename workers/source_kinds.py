"""The kinds of sources that a worker can ask for their tools."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from workers.mcp_sources import mcp_sources
from workers.services import services
from workers.toolbox.sources import SourceFailed, SourceKind

__all__ = ["SourceFailed", "SourceKind", "kinds"]


@cache
def kinds() -> Mapping[str, SourceKind]:
    """By what the source's row says. A kind that is not here can't be looked at, and gives no tools."""
    return {"mcp": mcp_sources(services().mcp)}
