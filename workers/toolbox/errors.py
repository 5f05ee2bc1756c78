"""Why a tool call can't run. The agent is told; the step does not fail."""

from __future__ import annotations

from webapp.common.errors import HartleyError


class ToolUnknown(HartleyError):
    code = "tool.unknown"
    status = 404

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no tool named {name[:80]}")


class ArgumentsInvalid(HartleyError):
    """Names the argument and the rule that it breaks."""

    code = "tool.arguments_invalid"
    status = 400

    def __init__(self, tool: str, message: str) -> None:
        super().__init__(f"{tool}: {message}")
