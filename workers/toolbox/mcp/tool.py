"""A tool of an MCP server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from webapp.common.values import JSON
from workers.toolbox.egress import AddressRefused
from workers.toolbox.mcp.connection import START_S
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.errors import McpFailed, McpOutcomeUnknown, McpUnavailable
from workers.toolbox.mcp.results import result_of
from workers.toolbox.mcp.server import McpServer
from workers.toolbox.tool import Effect, Tool, ToolContext, ToolResult

WITHIN_S = 5.0  # for all that is not the wait for the server


class McpTool(Tool):
    """
    Args:
        name: with the source's before it.
        found: one of what `found` made, with parameters that arguments can be checked by.
        server: how it is reached, its secret included, which is why it is asked for each call.
        timeout_s: for the server's answer.
        reads: the tenant says that it changes nothing; the server's own word for that is no reason to believe it.
    """

    category = "mcp"
    is_own = True
    untrusted = True

    def __init__(
        self,
        *,
        name: str,
        found: JSON,
        server: Callable[[ToolContext], McpServer],
        connections: Connections,
        timeout_s: float,
        version: str,
        reads: bool = False,
        dangerous: bool = False,
        rate_per_minute: int = 0,
    ) -> None:
        self.name, self.description, self.parameters = name, found["description"], found["parameters"]
        self.version, self.dangerous, self.rate_per_minute = version, dangerous, rate_per_minute
        self.effect: Effect = "computes" if reads else "acts"
        self.timeout_s = timeout_s + START_S + WITHIN_S
        self._call, self._server, self._connections = str(found["call"]["tool"]), server, connections

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """
        Raises:
            McpUnavailable: nothing was done, or nothing that matters, so another attempt may be made.
        """
        try:
            return result_of(await self._connections.call(self._server(context), self._call, arguments))
        except McpOutcomeUnknown as unknown:
            if self.effect == "computes":
                raise McpUnavailable("It broke off, or did not answer in time") from None
            return ToolResult.failure(unknown.reason, str(unknown))
        except McpFailed as failed:
            return ToolResult.failure(failed.reason, str(failed))
        except AddressRefused as refused:
            return ToolResult.failure(refused.code, str(refused))
