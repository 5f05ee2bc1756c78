"""What can go wrong at an MCP server, told apart by whose doing it is and whether another try makes sense."""

from __future__ import annotations

from webapp.common.errors import HartleyError
from workers.toolbox.egress import RequestFailed


class McpUnavailable(RequestFailed):
    """It can't be reached, doesn't start or broke off, and nothing was done: another try may succeed."""

    code = "mcp.unavailable"


class McpBusy(McpUnavailable):
    """This worker has as many connections as it may, all of them in use."""

    code = "mcp.busy"
    kind = "resource"


class McpFailed(HartleyError):
    """
    It answered, but not with a result; the same try would end the same way.

    Attributes:
        reason: stable, the error's code, e.g. `mcp.answer_invalid`.
    """

    code = "mcp.failed"

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class McpOutcomeUnknown(McpFailed):
    """It was asked and no answer came: it may have acted."""

    def __init__(self, message: str, reason: str = "mcp.outcome_unknown") -> None:
        super().__init__(reason, f"{message}. Whether it acted is not known: look before you ask again.")
