"""A tool of an MCP server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.toolbox.egress import AddressRefused
from workers.toolbox.mcp.connection import START_S
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.errors import McpFailed, McpOutcomeUnknown, McpUnavailable
from workers.toolbox.mcp.found import Found
from workers.toolbox.mcp.results import result_of
from workers.toolbox.mcp.server import McpServer
from workers.toolbox.tool import Effect, Tool, ToolContext, ToolResult

WITHIN_S = 5.0  # for all that is not the wait for the server


class McpTool(Tool):
    """
    Args:
        name: with the source's before it.
        reads: the tenant says that it changes nothing; the server's own word for that is no reason to believe it.
    """

    category = "mcp"
    is_own = True
    untrusted = True

    def __init__(
        self,
        *,
        name: str,
        found: Found,
        server: McpServer,
        connections: Connections,
        version: str = "1",
        reads: bool = False,
        dangerous: bool = False,
        rate_per_minute: int = 60,
    ) -> None:
        self.name, self.description, self.parameters = name, found["description"], found["parameters"]
        self.version, self.dangerous, self.rate_per_minute = version, dangerous, rate_per_minute
        self.effect: Effect = "computes" if reads else "acts"
        self.timeout_s = server.timeout_s + START_S + WITHIN_S
        self._call, self._server, self._connections = str(found["call"]["tool"]), server, connections

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """
        Raises:
            McpUnavailable: nothing was done, or nothing that matters, so another attempt may be made.
        """
        try:
            return result_of(await self._connections.call(self._server, self._call, arguments))
        except McpOutcomeUnknown as unknown:
            if self.effect == "computes":
                raise McpUnavailable("It broke off, or did not answer in time") from None
            return ToolResult.failure(unknown.reason, str(unknown))
        except McpFailed as failed:
            return ToolResult.failure(failed.reason, str(failed))
        except AddressRefused as refused:
            return ToolResult.failure(refused.code, str(refused))
