"""Rows to the wire, in the contract's words."""

from __future__ import annotations

import json
from datetime import datetime

from webapp.agent_tasks.models import Step, Task, TaskState
from webapp.agent_tasks.selectors import LastEffect
from webapp.common.values import JSON
from webapp.decisions.models import Freeze


def status_of(task: Task) -> str:
    return f"TASK_STATUS_{task.state.upper()}"


def moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def usage_of(task: Task) -> JSON:
    """Both spellings of each figure: clients read either."""
    tokens = task.prompt_tokens + task.completion_tokens
    return {
        "total_tokens": tokens,
        "input_tokens": task.prompt_tokens,
        "output_tokens": task.completion_tokens,
        "prompt_tokens": task.prompt_tokens,
        "completion_tokens": task.completion_tokens,
        "estimated_cost": float(task.cost_usd),
        "cost_usd": float(task.cost_usd),
    }


def task_row(task: Task) -> JSON:
    row = {
        "task_id": str(task.id),
        "query": task.query,
        "status": status_of(task),
        "mode": f"EXECUTION_MODE_{'COMPLEX' if task.mode == 'supervisor' else task.mode.upper()}",
        "session_id": task.session.external_id or str(task.session_id),
        "created_at": moment(task.created_at),
        "total_token_usage": usage_of(task),
    }
    return row | ({"completed_at": moment(task.finished_at)} if task.finished_at else {})


def task_body(task: Task, breakdown: list[JSON], agents: int) -> JSON:
    """`GET /api/v1/tasks/{id}`."""
    session = task.session.external_id or str(task.session_id)
    body = {
        "task_id": str(task.id),
        "workflow_id": str(task.id),
        "status": status_of(task),
        "created_at": moment(task.created_at),
        "updated_at": moment(task.updated_at),
        "query": task.query,
        "session_id": session,
        "mode": task.mode,
        "context": task.context,
        "usage": usage_of(task),
        "metadata": {
            "task_context": task.context,
            "model_breakdown": breakdown,
            "mode": task.mode,
            "complexity_score": task.complexity,
            "num_agents": agents,
            "artifacts": task.artifacts,
            "prompts": task.prompts,
        },
    }
    if quoted := quote_body(task):
        body["quote"] = quoted
    if task.origin:
        body["origin"] = task.origin
    if breakdown:
        body |= {"model_used": breakdown[0]["model"], "provider": breakdown[0]["provider"]}
    if task.result is not None:
        body["result"] = task.result
        parsed = _object(task.result)
        body |= {"response": parsed} if parsed is not None else {}
    if task.error:
        body |= {"error": task.error["message"], "error_code": task.error["code"]}
    if not task.is_open:
        body["unified_response"] = _unified(task, session, breakdown, agents)
    return body


def quote_body(task: Task) -> JSON | None:
    """What it was quoted at, beside what it has taken so far as `actual`; None when it has no quote."""
    if not task.quote or "tokens" not in task.quote:
        return None
    actual = {
        "cost_usd": float(task.cost_usd),
        "tokens": task.prompt_tokens + task.completion_tokens,
        "duration_s": duration_s(task),
        "ended": not task.is_open,
    }
    told = {name: task.quote[name] for name in ("cost_usd", "tokens", "duration_s", "basis")}
    return {**told, "ceiling_usd": task.context.get("max_cost_usd"), "actual": actual}


def duration_s(task: Task) -> float | None:
    """As quotes count it: from when it left the queue, without the time that it was paused. None while it is open."""
    if task.finished_at is None:
        return None
    took_s = (task.finished_at - (task.admitted_at or task.created_at)).total_seconds()
    return round(max(0.0, took_s - (task.quote or {}).get("paused_s", 0.0)), 3)


def waiting_body(task: Task) -> JSON:
    """Of a task that waits for a person since its submission, why; nothing of others."""
    if task.state != TaskState.PAUSED or task.paused_by != "budget":
        return {}
    return {"waiting": {"reason": task.pause_reason, "resume": f"/api/v1/tasks/{task.id}/resume"}}


def _unified(task: Task, session: str, breakdown: list[JSON], agents: int) -> JSON:
    took_s = (task.finished_at - task.created_at).total_seconds() if task.finished_at else 0.0
    return {
        "task_id": str(task.id),
        "session_id": session,
        "status": "completed" if task.state == TaskState.COMPLETED else "failed",
        "result": task.result or "",
        "metadata": {
            "models": [row["model"] for row in breakdown],
            "execution_mode": task.mode,
            "complexity_score": task.complexity,
            "agents_used": agents,
        },
        "usage": usage_of(task),
        "performance": {"execution_time_ms": round(took_s * 1000)},
        "stop_reason": task.state,
        "error": (task.error or {}).get("message"),
        "timestamp": moment(task.finished_at),
    }


def control_state(task: Task, line: JSON | None, stop: LastEffect | None) -> JSON:
    """`queue` while it is queued; `stopped` once it is cancelled: seconds from the request to its last effect."""
    body: JSON = {
        "is_paused": task.state == TaskState.PAUSED,
        "is_cancelled": task.state == TaskState.CANCELLED,
        "paused_at": moment(task.paused_at) or "",
        "pause_reason": task.pause_reason,
        "paused_by": task.paused_by,
        "cancel_reason": task.cancel_reason,
        "cancelled_by": task.cancelled_by,
    }
    if line:
        body["queue"] = line
    if stop:
        body["stopped"] = {"after_s": stop.after_s, "still_stopping": stop.still_stopping}
    return body


def freeze_body(freeze: Freeze, waiting: int) -> JSON:
    return {
        "id": freeze.id,
        "kind": freeze.kind,
        "subject": freeze.subject,
        "reason": freeze.reason,
        "frozen_by": freeze.frozen_by,
        "created_at": moment(freeze.created_at),
        "waiting_steps": waiting,
    }


def step_body(step: Step, why: str | None) -> JSON:
    """
    For `inner` see docs/agents.md: `{"state": "COMPLETED", "beliefs": {"threshold", "best", "hypotheses"} or None}`.

    `why` it does not move, of a step that is open and that no worker has.
    """
    return {
        "n": step.n,
        "kind": step.kind,
        "queue": step.queue,
        "agent": step.agent,
        "description": step.description,
        "parents": step.parents,
        "state": step.state,
        "why": why,
        "join": step.join,
        "attempt": step.fence,
        "served": step.is_served,
        "record_of": step.record_of,
        "compensates": step.compensates,
        "retries": step.retries,
        "error": step.error,
        "inner": step.inner,
        "created_at": moment(step.created_at),
        "started_at": moment(step.started_at),
        "finished_at": moment(step.finished_at),
    }


def _object(text: str) -> JSON | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
