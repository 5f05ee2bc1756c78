"""What undoes a tool call that has succeeded: its tool says it, and it is recorded with the call itself."""

from __future__ import annotations

import json

import structlog
from django.conf import settings

from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.manual import undo
from webapp.orchestration.steps import ClaimedStep, event
from workers.toolbox.registry import Tool, ToolResult, Undo
from workers.toolbox.tool import FILE_UNDO

log = structlog.get_logger()


class CompensationInvalid(HartleyError):
    """What a tool gave as its compensation can't be recorded."""

    code = "tool.compensation_invalid"


def compensation_of(step: ClaimedStep, tool: Tool, result: ToolResult) -> tuple[JSON | None, list[JSON]]:
    """
    The compensation for the step's row, and the events that go with it. The call has acted whatever its tool says now,
    so a tool that fails here is told of and keeps nothing from being recorded.
    """
    if not (is_asked(step) and result.ok):
        return None, []
    try:
        told = tool.compensation(step.input["arguments"], result.output)
        return (undo(step.agent, _call(step, told)) if told else None), []
    except Exception as error:  # a company's own code
        log.exception("tool.compensation_failed", tool=tool.name)
        why = f"{tool.name} has acted, but can't say what undoes it ({type(error).__name__})"
        payload = {"step": step.n, "tool": tool.name, "error": CompensationInvalid.code}
        return None, [event("WARNING", agent=step.agent, message=why, payload=payload)]


def is_asked(step: ClaimedStep) -> bool:
    """The plan wants the step undone when the task fails later, by what its tool says."""
    return bool(step.input.get("compensate"))


def files_undo_of(step: ClaimedStep, tool: Tool, result: ToolResult) -> JSON | None:
    """The compensation, where it is that files become what they were: it is recorded in the commit that changes them."""
    undo, _ = compensation_of(step, tool, result)
    return undo if undo and undo["input"]["tool"] == FILE_UNDO else None


def _call(step: ClaimedStep, told: Undo) -> JSON:
    """
    The input of the call that undoes.

    Raises:
        CompensationInvalid, TypeError, ValueError: no such row can be written.
    """
    tool, given = told
    arguments = dict(given)
    raw = json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    if not isinstance(tool, str) or len(raw.encode()) > settings.OUTPUT_LIMIT_BYTES:
        raise CompensationInvalid(f"{tool}: a name and at most {settings.OUTPUT_LIMIT_BYTES} bytes of arguments")
    return {"call_id": f"undo-{step.n}", "tool": tool, "arguments": json.loads(raw), "raw": raw, "strict": True}
