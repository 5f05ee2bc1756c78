"""What a kind of source must be able to do: find its tools, and make one that can be called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.tool_sources.in_force import SourceInForce
from workers.toolbox.tool import Tool


class SourceFailed(HartleyError):
    """A source could not be asked for its tools, or said nothing of use. The message is for the tenant: no secrets."""

    code = "source.failed"
    kind = "network"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class SourceKind(Protocol):
    async def find(self, source: SourceInForce, secret: str) -> list[JSON]:
        """
        What is there, in the source's own names and words: `{"name", "description", "parameters", "call"}` for a tool,
        `{"name", "reason"}` for what can't be one. `workers.source_checks` makes names and schemas fit and holds the
        limits. Ended when it takes too long.

        Args:
            secret: "" for a source without one.
        Raises:
            SourceFailed
        """

    def tool(self, source: SourceInForce, found: JSON, secret: Callable[[], str]) -> Tool:
        """
        Args:
            found: one of `source.tools`; its schema fits already. The tool's name is `names.tool_name`'s.
            secret: opens it, for one call; not to be kept.
        """
