"""The connections of one worker: kept between calls, one per owner and server, the least used left first."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from mcp_types import CallToolResult, Tool

from webapp.common.addresses import Reach
from workers.toolbox.mcp.connection import Connection, Transport
from workers.toolbox.mcp.errors import McpBusy
from workers.toolbox.mcp.http import HttpTransport
from workers.toolbox.mcp.server import HttpServer, McpServer, ProcessServer
from workers.toolbox.mcp.stdio import ProcessTransport


class Connections:
    """
    Args:
        reach: how far requests may go.
        folder: for the private folders of processes.
        most: connections at once; of them `processes` to servers that are processes.
        idle_s: without a call a connection is left after this time.
        changed: told the owner of a server that says it has other tools now.
    """

    def __init__(
        self,
        *,
        reach: Callable[[], Reach],
        folder: Path,
        most: int = 200,
        processes: int = 20,
        idle_s: float = 300,
        changed: Callable[[str], None] = lambda owner: None,
    ) -> None:
        self._reach, self._folder, self._idle_s, self._changed = reach, folder, idle_s, changed
        self._most = {HttpServer: most, ProcessServer: processes}
        self._kept: OrderedDict[McpServer, Connection] = OrderedDict()
        self._leaving: set[Connection] = set()

    async def tools(self, server: McpServer) -> list[Tool]:
        """
        Raises:
            McpUnavailable, McpFailed, AddressRefused
        """
        async with self._one(server) as connection:
            return await connection.tools(server.timeout_s)

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """
        A server that has forgotten the session has not acted, so it is asked once more in a new one.

        Raises:
            McpUnavailable, AddressRefused: nothing was done.
            McpFailed, McpOutcomeUnknown
        """
        async with self._one(server) as connection:
            try:
                return await connection.call(tool, arguments, server.timeout_s)
            except Exception:
                if not (isinstance(server, HttpServer) and connection.forgotten):
                    raise
        async with self._one(server) as connection:
            return await connection.call(tool, arguments, server.timeout_s)

    async def close(self) -> None:
        """Ends all of them, and the processes."""
        every = [*self._kept.values(), *self._leaving]
        self._kept.clear()
        await asyncio.gather(*(connection.close() for connection in every))

    def __len__(self) -> int:
        self._forget()
        return len(self._kept)

    @asynccontextmanager
    async def _one(self, server: McpServer) -> AsyncIterator[Connection]:
        connection = self._take(server)
        connection.users += 1
        try:
            yield connection
        finally:
            connection.users -= 1

    def _take(self, server: McpServer) -> Connection:
        """
        Raises:
            McpBusy: all are in use.
        """
        self._forget()
        if server not in self._kept:
            self._make_room(type(server))
            changed = partial(self._changed, server.owner)
            self._kept[server] = Connection(self._transport(server), idle_s=self._idle_s, changed=changed)
        self._kept.move_to_end(server)
        return self._kept[server]

    def _forget(self) -> None:
        """Those that nobody can use any more; they end by themselves."""
        self._leaving = {connection for connection in self._leaving if not connection.over}
        for server, connection in list(self._kept.items()):
            if not connection.usable:
                del self._kept[server]
                self._leave(connection)

    def _make_room(self, kind: type[McpServer]) -> None:
        same = [server for server in self._kept if isinstance(server, kind)]
        if len(same) < self._most[kind]:
            return
        for server in same:
            if not self._kept[server].users:
                self._leave(self._kept.pop(server))
                return
        raise McpBusy(f"All {len(same)} connections of this worker to such servers are in use")

    def _leave(self, connection: Connection) -> None:
        connection.retire()
        if not connection.over:
            self._leaving.add(connection)

    def _transport(self, server: McpServer) -> Transport:
        if isinstance(server, ProcessServer):
            return ProcessTransport(server, self._folder)
        return HttpTransport(server, self._reach())
