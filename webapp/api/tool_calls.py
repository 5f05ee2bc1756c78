"""A tool call that a person waits for: how its end is heard of, and what is answered then. For the API and for MCP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings

from webapp.agent_tasks.models import Task, TaskState
from webapp.common.values import JSON
from webapp.orchestration.control import cancel_task
from webapp.orchestration.tool_freezes import ToolFrozen
from webapp.orchestration.tool_runs import ToolOutcome, outcome_of
from webapp.progress.hub import hub, in_thread
from webapp.tenants.rules import Principal

USD_PER_TOKEN = Decimal("0.000002")  # by which clients that count tokens count a tool's price
LEAST_TOKENS = 100
STATUSES = {  # of a call that was not made, or of which nobody knows how it went; all else is the tool's own answer
    "tool.arguments_invalid": 400,
    "budget.exceeded": 402,
    "token_limit_exceeded": 402,
    "policy.denied": 403,
    "tool.unknown": 404,
    "rate_limit_exceeded": 429,
    "internal": 502,
    "sandbox.unavailable": 502,
    "workspace.store_unavailable": 502,
    "workspace.bytes_lost": 502,
    "circuit_breaker_open": 503,
    "step.timeout": 504,
    "request_timeout": 504,
}


@dataclass(frozen=True)
class Refused:
    """There is no result: why, in words and as a code, with the HTTP status that says so."""

    status: int
    code: str
    message: str
    retry_after_s: int | None = None


async def ended(who: Principal, task: UUID) -> ToolOutcome | None:
    """
    Waits, for TOOL_WAIT_S at most; then the task is cancelled, and None is returned. A task that a freeze stops is
    cancelled at once, as whoever waits is told so.
    """
    deadline = time.monotonic() + settings.TOOL_WAIT_S
    read = partial(outcome_of, who.tenant_id, task)
    with hub().awaiting(task) as awaited:
        while time.monotonic() < deadline:
            if await awaited.look(settings.SSE_POLL_S) and (outcome := await in_thread(read)):
                return await _thawed_or(outcome, read, who, task) if outcome.is_frozen else outcome
    await cancel(who, task, "Its time was over")
    return None


async def _thawed_or(
    frozen: ToolOutcome, read: Callable[[], ToolOutcome | None], who: Principal, task: UUID
) -> ToolOutcome:
    """The freeze, unless it was thawed just now and the call has ended before it could be cancelled."""
    await cancel(who, task, "It is frozen")
    later = await in_thread(read)
    return frozen if later is None or later.state == TaskState.CANCELLED else later


async def cancel(who: Principal, task: UUID, reason: str) -> None:
    """Also when whoever waits for it is being cancelled just now."""
    await asyncio.shield(in_thread(partial(cancel_task, principal=who, task=task, reason=reason)))


def answer_of(task: Task, outcome: ToolOutcome | None) -> JSON | Refused:
    """
    `{"success": true, "output": {"value": "42"}, "text": "42", "error": null, "metadata": {"task_id": "0197..."},
    "execution_time_ms": 3, "usage": {"tokens": 100, "cost_usd": 0.0}}`; a tool that failed is an answer too.
    """
    if outcome and outcome.is_frozen:
        return _frozen(outcome)
    if outcome is None or outcome.state == TaskState.TIMEOUT:
        return Refused(504, "tool.timeout", f"No result came within {settings.TOOL_WAIT_S:g} s")
    if outcome.state == TaskState.CANCELLED:
        return Refused(409, "tool.cancelled", "The call was cancelled")
    if outcome.state == TaskState.COMPLETED and outcome.output is not None:
        return _body(task, outcome, outcome.output)
    error = outcome.error or {"code": "internal", "message": "The call failed"}
    if error["code"] in STATUSES:
        return _refused(error)
    return _body(task, outcome, {}, error)


def _frozen(outcome: ToolOutcome) -> Refused:
    error = ToolFrozen(str((outcome.error or {}).get("message")).rstrip("."))
    return Refused(error.status, error.code, str(error))


def _refused(error: JSON) -> Refused:
    status, after = STATUSES[error["code"]], error.get("retry_after_s")
    waits = max(1, round(after or 1)) if status in (429, 503) else None
    return Refused(status, error["code"], error["message"], waits)


def _body(task: Task, outcome: ToolOutcome, output: JSON, error: JSON | None = None) -> JSON:
    shown: Any = output.get("shown", {})
    metadata: JSON = {"task_id": str(task.id)}
    metadata |= {name: output[name] for name in ("artifacts", "cached") if output.get(name)}
    if error:
        metadata["error_code"] = error["code"]
    body = {
        "success": error is None,
        "output": None if error else {name: value for name, value in shown.items() if name != "ok"},
        "text": output.get("text", ""),
        "error": error["message"] if error else None,
        "metadata": metadata,
        "usage": {"tokens": _tokens(outcome), "cost_usd": float(outcome.cost_usd)},
    }
    return body if outcome.took_s is None else body | {"execution_time_ms": round(outcome.took_s * 1000)}


def _tokens(outcome: ToolOutcome) -> int:
    return max(LEAST_TOKENS, int(outcome.cost_usd / USD_PER_TOKEN))
