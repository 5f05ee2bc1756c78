"""MCP servers as a kind of source."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote, urlsplit

from webapp.common.addresses import AddressRefused
from webapp.common.values import JSON
from webapp.tool_sources.in_force import SourceInForce
from webapp.tool_sources.names import tool_name
from workers.toolbox.blotting import blotted
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.errors import McpFailed, McpUnavailable
from workers.toolbox.mcp.found import found
from workers.toolbox.mcp.server import HttpServer, McpServer, ProcessServer
from workers.toolbox.mcp.tool import McpTool
from workers.toolbox.sources import SourceFailed
from workers.toolbox.tool import ToolContext

SAID = ("description", "parameters")  # of a listed tool, as agents read it


@dataclass(frozen=True)
class Command:
    """
    A program that the operator lets tenants have started.

    Args:
        env: further variables of its environment.
        secret: the variable that the tenant's secret is given in; "": it gets none.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    secret: str = ""


class McpSources:
    """
    Args:
        commands: by name.
        users: told who used a source last, so that a change of its tools is heard of: source, tenant.
    """

    def __init__(
        self, connections: Connections, commands: Mapping[str, Command], users: Callable[[str, str], None]
    ) -> None:
        self._connections, self._commands, self._users = connections, commands, users

    async def find(self, source: SourceInForce, secret: str) -> list[JSON]:
        """
        Raises:
            SourceFailed
        """
        try:
            listed = found(await self._connections.tools(self._server(source, secret)))
        except (McpUnavailable, McpFailed, AddressRefused) as error:
            raise SourceFailed(blotted(f"{error}.", secret)) from None
        return [{**each, **{field: blotted(each[field], secret) for field in SAID}} for each in listed]

    def tool(self, source: SourceInForce, found: JSON, secret: Callable[[], str]) -> McpTool:
        said = source.settings
        return McpTool(
            name=tool_name(source.name, found["name"]),
            found=found,
            server=partial(self._for_a_call, source, secret),
            connections=self._connections,
            timeout_s=float(said["timeout_s"]),
            version=str(source.revision),
            reads=found["call"]["tool"] in said.get("reads", ()),
            dangerous=bool(said["dangerous"]),
            rate_per_minute=int(said["rate_per_minute"]),
        )

    def _for_a_call(self, source: SourceInForce, secret: Callable[[], str], context: ToolContext) -> McpServer:
        """
        Raises:
            SourceFailed, Unsealable
        """
        self._users(str(source.id), context.tenant_id)
        signs_in = source.settings["auth"]["kind"] != "none"
        return self._server(source, secret() if signs_in else "")

    def _server(self, source: SourceInForce, secret: str) -> McpServer:
        owner, timeout_s = str(source.id), float(source.settings["timeout_s"])
        if source.settings["transport"] == "http":
            address, headers = _signed(source.address, source.settings["auth"], secret)
            return HttpServer(owner, address, headers, timeout_s, secret)
        command = self._commands.get(source.settings["command"])
        if command is None:
            raise SourceFailed("The command of this source is none that may be started here any more.")
        env = {**command.env, command.secret: secret} if command.secret and secret else command.env
        return ProcessServer(owner, tuple(command.argv), dict(env), timeout_s, secret)


def _signed(address: str, auth: JSON, secret: str) -> tuple[str, dict[str, str]]:
    """The address and the headers of a request that is signed in."""
    match auth:
        case {"kind": "bearer"}:
            return address, {"Authorization": f"Bearer {secret}"}
        case {"kind": "basic"}:
            return address, {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
        case {"kind": "api_key", "in": "header", "name": name}:
            return address, {name: secret}
        case {"kind": "api_key", "in": "query", "name": name}:
            mark = "&" if urlsplit(address).query else "?"
            return f"{address}{mark}{quote(name, safe='')}={quote(secret, safe='')}", {}
    return address, {}
