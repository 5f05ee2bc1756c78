"""What breaks on our side: told as such, without its words."""

from __future__ import annotations

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from webapp.mcp.server import make_server


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_failure_of_ours_says_nothing_of_how(mode: str) -> None:
    """Asked past its front, the server has no caller, which is such a failure."""
    async with Client(make_server(), mode=mode) as mcp:
        with pytest.raises(MCPError) as got:
            await mcp.list_tools()
    assert got.value.message == "Internal error"
