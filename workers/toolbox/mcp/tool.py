"""A tool of an MCP server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from mcp_types import CallToolResult

from webapp.common.addresses import AddressRefused
from webapp.common.encryption import Unsealable
from webapp.common.values import JSON
from workers.toolbox.blotting import blotted_result
from workers.toolbox.mcp.connection import START_S
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.errors import McpBusy, McpFailed, McpOutcomeUnknown, McpUnavailable
from workers.toolbox.mcp.results import result_of
from workers.toolbox.mcp.server import McpServer
from workers.toolbox.sources import SourceFailed
from workers.toolbox.tool import Effect, Tool, ToolContext, ToolResult

AGAIN_S = (0.2, 1.0)  # before the second and third try, where nothing was done


class McpTool(Tool):
    """
    Args:
        name: with the source's before it.
        found: one of what `found` made, with parameters that arguments can be checked by.
        server: how it is reached, its secret included, which is why it is asked for each call.
        timeout_s: for the server's answer.
        dangerous: a person must approve each call, unless it only reads.
        reads: the tenant says that it changes nothing; the server's own word for that is no reason to believe it.
    """

    category = "mcp"
    is_own = True
    is_fitted = True
    untrusted = True
    remote = True

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
        self.version, self.dangerous, self.rate_per_minute = version, dangerous and not reads, rate_per_minute
        self.effect: Effect = "computes" if reads else "acts"
        self.timeout_s = timeout_s + START_S + sum(AGAIN_S) + 1
        self._call, self._server, self._connections = str(found["call"]["tool"]), server, connections

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """All that goes wrong at a server is a failed result, which the agent reads."""
        try:
            server = self._server(context)
        except Unsealable:
            return ToolResult.failure("source.secret", "The secret of its source can't be read: it must be given anew")
        except SourceFailed as failed:
            return ToolResult.failure(failed.code, failed.reason)
        return blotted_result(await self._result(server, arguments), server.secret)

    async def _result(self, server: McpServer, arguments: Mapping[str, Any]) -> ToolResult:
        try:
            return result_of(await self._answer(server, arguments))
        except McpBusy as busy:
            return ToolResult.failure(busy.code, str(busy))
        except McpUnavailable as away:
            return ToolResult.failure(away.code, str(away), outage=True)
        except McpOutcomeUnknown as unknown:
            return ToolResult.failure(unknown.reason, str(unknown), outage=True)
        except McpFailed as failed:
            return ToolResult.failure(failed.reason, str(failed))
        except AddressRefused as refused:
            return ToolResult.failure(refused.code, str(refused))

    async def _answer(self, server: McpServer, arguments: Mapping[str, Any]) -> CallToolResult:
        """What may have acted is not asked again, unless it only reads."""
        for wait_s in AGAIN_S:
            try:
                return await self._connections.call(server, self._call, arguments)
            except McpBusy:
                raise
            except McpUnavailable:
                pass
            except McpOutcomeUnknown as unknown:
                if self.effect == "acts" or unknown.reason == "mcp.timeout":
                    raise
            await asyncio.sleep(wait_s)
        return await self._connections.call(server, self._call, arguments)
