"""The `tools` queue: tool calls, most of them in the sandbox."""

from __future__ import annotations

import time
from typing import Any

from webapp.common.values import JSON
from webapp.orchestration import dispatch
from webapp.orchestration.steps import ClaimedStep, Completion, event
from webapp.orchestration.tool_runs import text_of
from workers import context, decide
from workers.app import app
from workers.beats import Beats, BudgetExceeded
from workers.decide import PolicyDenied
from workers.gate import CallTimeout
from workers.process import handles, offer
from workers.tool_call import SHOWN_LIMIT_CHARS, call_tool
from workers.toolbox.errors import ArgumentsInvalid, ToolUnknown
from workers.toolbox.registry import ToolResult


@app.task(name="tools.steps")
def steps(*, items: list[tuple[str, int]], **_newer: Any) -> None:
    offer(items)


@app.task(name="tools.probe")
def probe(*, nonce: str, **_newer: Any) -> None:
    """Readiness asks whether this queue is consumed."""
    dispatch.answer_probe(queue="tools", nonce=nonce)


@handles("tools.call")
async def call(step: ClaimedStep, beats: Beats) -> Completion:
    """
    An agent's call is done whether the tool succeeded or not: the agent reads the outcome and goes on. A call that a
    plan asks for by itself (`strict`) fails with its tool, and the plan's joins decide.
    """
    started = time.monotonic()
    try:
        result, made = await call_tool(step, beats, decided=await _decided(step))
        shown = _shown(result)
    except (ToolUnknown, ArgumentsInvalid, PolicyDenied, BudgetExceeded, CallTimeout) as error:
        shown, made = {"ok": False, "error": {"code": error.code, "message": str(error)}}, []
    observed = event(
        "TOOL_OBSERVATION",
        agent=step.agent,
        message=str(shown.get("stdout") or shown.get("value") or shown.get("error") or shown)[:SHOWN_LIMIT_CHARS],
        payload={
            "step": step.n,
            "tool": step.input["tool"],
            "success": bool(shown.get("ok")),
            "duration_ms": round((time.monotonic() - started) * 1000),
            "artifacts": made,
            **({"workspace": shown["workspace"]} if "workspace" in shown else {}),
            "error": shown.get("error"),
        },
    )
    if step.input.get("strict") and not shown.get("ok"):
        why = shown.get("error") or "The tool failed"
        failure = why if isinstance(why, dict) else {"code": "tool.failed", "message": str(why)}
        return Completion(step, status="failed", error=failure, events=[observed])
    answer = {"text": text_of(shown)} if step.is_final else {}  # of a task that is this one call
    return Completion(step, output={"shown": shown, "artifacts": made, **answer}, events=[observed])


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
    return failed | {name: value for name, value in result.output.items() if name == "workspace"}
