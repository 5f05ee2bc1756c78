"""The `tools` queue: tool calls, most of them in the sandbox."""

from __future__ import annotations

import time

from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, Completion, event
from webapp.orchestration.tool_runs import text_of
from workers import context, decide
from workers.beats import Beats, BudgetExceeded
from workers.decide import PolicyDenied
from workers.failed_calls import failed_call
from workers.gate import CallTimeout
from workers.process import handles
from workers.tenant_tools import tools_of
from workers.tool_call import SHOWN_LIMIT_CHARS, call_tool
from workers.tool_limits import ToolRefused
from workers.toolbox.errors import ArgumentsInvalid, ToolUnknown
from workers.toolbox.registry import Tool, ToolResult
from workers.undoing import compensation_of


@handles("tools.call")
async def call(step: ClaimedStep, beats: Beats) -> Completion:
    """
    An agent's call is done whether the tool succeeded or not: the agent reads the outcome and goes on. A call that a
    plan asks for by itself (`strict`) fails with its tool, unless the plan says otherwise, and its joins decide.
    """
    started = time.monotonic()
    tool = await _tool(step)
    undo: JSON | None = None
    warned: list[JSON] = []
    try:
        result, made = await call_tool(step, beats, decided=await _decided(step))
        shown, cached = _shown(result), result.cached
        if tool:
            undo, warned = compensation_of(step, tool, result)
    except (ToolUnknown, ArgumentsInvalid, PolicyDenied, BudgetExceeded, ToolRefused, CallTimeout) as error:
        shown, made, cached = _refused(error), [], ""
    observed = event(
        "TOOL_OBSERVATION",
        agent=step.agent,
        message=str(shown.get("stdout") or shown.get("value") or shown.get("error") or shown)[:SHOWN_LIMIT_CHARS],
        payload={
            "step": step.n,
            "tool": step.input["tool"],
            "branch": tool.branch if tool else "generic",
            "success": bool(shown.get("ok")),
            "duration_ms": round((time.monotonic() - started) * 1000),
            "artifacts": made,
            **({"workspace": shown["workspace"]} if "workspace" in shown else {}),
            **({"cached": True} if cached else {}),
            "error": shown.get("error"),
        },
    )
    if not shown.get("ok"):
        ended = failed_call(step, tool.branch if tool else "generic", shown, [observed])
        if ended:
            return ended
    output = {"shown": shown, "artifacts": made, **({"cached": cached} if cached else {})}
    if step.is_final:  # of a task that is this one call
        output["text"] = text_of(shown)
    return Completion(step, output=output, events=[observed, *warned], compensation=undo)


async def _tool(step: ClaimedStep) -> Tool | None:
    try:
        return (await tools_of(step.tenant, step.input["tool"])).get(step.input["tool"])
    except ToolUnknown:
        return None


async def _decided(step: ClaimedStep) -> decide.Decision | None:
    """The decision of the policy step before this one, if it has one."""
    for parent in await context.read(step, context.parents):
        if parent.kind == "policy.tool" and parent.output:
            return decide.of_json(parent.output)
    return None


def _shown(result: ToolResult) -> JSON:
    if result.ok or result.error is None:
        return result.output
    failed = {"ok": False, "error": {"code": result.error.code, "message": result.error.message}}
    return failed | {name: value for name, value in result.output.items() if name in ("workspace", "source")}


def _refused(error: HartleyError) -> JSON:
    asked_s = getattr(error, "retry_after_s", None)
    told = {
        "code": error.code,
        "message": str(error),
        **({} if asked_s is None else {"retry_after_s": round(asked_s, 3)}),
    }
    return {"ok": False, "error": told}
