"""How an MCP server is reached. Secrets are in here, so nothing of it is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class HttpServer:
    """
    Args:
        owner: the source that it is used for; a connection serves this owner alone.
        timeout_s: for one call.
        secret: what is in the address, headers or environment and must not come back in what a server says.
    """

    owner: str
    address: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    timeout_s: float = 30.0
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class ProcessServer:
    """
    Args:
        owner, timeout_s, secret: as above.
        argv: the operator's, never a tenant's; `{folder}` in it is the process's private folder.
        env: all that it is given besides PATH, HOME and LANG.
    """

    owner: str
    argv: tuple[str, ...] = field(repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    timeout_s: float = 30.0
    secret: str = field(default="", repr=False)


McpServer = HttpServer | ProcessServer
