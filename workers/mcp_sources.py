"""MCP servers as sources of tools in this process: its connections, and what is to happen when a server's tools change."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from webapp.common.reach import reach
from webapp.tool_sources.changes import tools_changed
from workers.context import in_reader
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.kind import Command, McpSources

log = structlog.get_logger()
REMEMBERED = 1000
PAUSE_S = 1.0


class Users:
    """
    The tenants of the sources that were called last.

    Attributes:
        under_way: what tells of sources that have said so lately.
    """

    def __init__(self) -> None:
        self._tenants: OrderedDict[str, str] = OrderedDict()
        self.under_way: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()

    def remember(self, source: str, tenant: str) -> None:
        self._tenants[source] = tenant
        self._tenants.move_to_end(source)
        while len(self._tenants) > REMEMBERED:
            self._tenants.popitem(last=False)

    def changed(self, source: str) -> None:
        """One that nobody has called yet is looked at in its turn; one that says it all the time is heard once a second."""
        if source not in self._tenants:
            return
        self._again.add(source)
        if source not in self.under_way:
            self.under_way[source] = asyncio.create_task(self._tell(source))

    async def _tell(self, source: str) -> None:
        """What it says meanwhile counts afterwards, so that its last change is never missed."""
        try:
            while source in self._again and (tenant := self._tenants.get(source)):
                self._again.discard(source)
                await _changed(UUID(tenant), UUID(source))
                await asyncio.sleep(PAUSE_S)
        finally:
            self._again.discard(source)
            del self.under_way[source]


async def _changed(tenant: UUID, source: UUID) -> None:
    """It is looked at in its turn anyway, so what goes wrong here does no harm."""
    if await in_reader(partial(tools_changed, tenant, source)):
        log.info("tool_sources.changed", tenant=str(tenant), source=str(source))


users = Users()


def connections() -> Connections:
    return Connections(
        reach=reach,
        folder=settings.MCP_FOLDER,
        most=settings.MCP_CONNECTIONS,
        processes=settings.MCP_PROCESSES,
        idle_s=settings.MCP_IDLE_S,
        changed=users.changed,
    )


def mcp_sources(kept: Connections) -> McpSources:
    return McpSources(kept, {name: _command(said) for name, said in settings.MCP_COMMANDS.items()}, users.remember)


def _command(said: dict[str, Any]) -> Command:
    env = {name: os.environ[name] for name in said["env"] if name in os.environ}
    return Command(said["command"], env, said["secret"])
