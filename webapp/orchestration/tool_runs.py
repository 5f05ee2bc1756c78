"""
A single tool call, asked for by a person and by no agent: a task of one step, and of a policy step before it when the tool
acts on the world. Admitted, decided, held, recorded and durable like every other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from webapp.agent_tasks.models import Task
from webapp.common.tenancy import one_statement
from webapp.common.values import JSON
from webapp.orchestration.steps import NewStep
from webapp.orchestration.submit import Submission, submit_task
from webapp.orchestration.tools import KnownTool
from webapp.tenants.rules import Principal

CALL, DECIDE = "tools.call", "policy.tool"
TEXT_CHARS = 20_000
WORDS = ("text", "stdout", "value")  # of a tool's output: what people read first

OUTCOME = """
SELECT t.state, t.error, s.output, t.cost_usd, extract(epoch FROM s.finished_at - s.started_at)::float
  FROM agent_tasks_task t JOIN agent_tasks_step s ON s.task_id = t.id AND s.is_final
 WHERE t.id = %s AND t.finished_at IS NOT NULL
"""


@dataclass(frozen=True)
class ToolOutcome:
    """
    How the call ended.

    Args:
        error: `{"code", "message"}` of the task.
        output: the step's: `{"shown": what the tool brought, "artifacts": [...], "text"}`.
        took_s: of the last attempt; None: there was none.
    """

    state: str
    error: JSON | None
    output: JSON | None
    cost_usd: Decimal
    took_s: float | None


def run_tool(*, principal: Principal, tool: KnownTool, arguments: JSON, session: str | None) -> Task:
    """
    Submit it; it ends within `TOOL_WAIT_S`, in one way or another. Arguments are checked by the worker, before anything
    else.

    Args:
        session: whose files the tool is given, when it uses them; None: a session of its own.
    """
    title = f"Call {tool.name}"
    return submit_task(
        principal=principal,
        submission=Submission(
            query=title, session=session, mode="simple", deadline_s=settings.TOOL_WAIT_S, prompts={}, alone=True
        ),
        steps=steps_of(tool, arguments),
    )


def steps_of(tool: KnownTool, arguments: JSON) -> list[NewStep]:
    """The call fails with its tool (`strict`), so the task's state tells how it went."""
    raw = json.dumps(arguments, ensure_ascii=False)
    asked: JSON = {"call_id": "direct", "tool": tool.name, "arguments": arguments, "raw": raw, "strict": True}
    call = NewStep(CALL, description=f"Call {tool.name}", input=asked, is_final=True)
    if tool.effect != "acts":
        return [call]
    decide = NewStep(DECIDE, description=f"May {tool.name} act?", input=asked)
    return [decide, NewStep(CALL, description=call.description, input=asked, after=(0,), is_final=True)]


def outcome_of(tenant: UUID, task: UUID) -> ToolOutcome | None:
    """None while the task is open."""
    found = one_statement(tenant, OUTCOME, [task])
    if found is None:
        return None
    state, error, output, cost_usd, took_s = found
    return ToolOutcome(state, _parsed(error), _parsed(output), cost_usd, took_s)


def text_of(shown: JSON) -> str:
    """
    What a tool brought, as people read it.

    >>> text_of({"ok": True, "value": "42"}), text_of({"ok": True, "rows": [1]})
    ('42', '{"rows": [1]}')
    """
    found = next((shown[word] for word in WORDS if isinstance(shown.get(word), str) and shown[word]), None)
    if found is None:
        found = json.dumps({name: value for name, value in shown.items() if name != "ok"}, ensure_ascii=False)
    return found if len(found) <= TEXT_CHARS else f"{found[:TEXT_CHARS]} … ({len(found)} characters)"


def _parsed(text: Any) -> JSON | None:
    """Django hands jsonb over as text."""
    parsed: JSON | None = json.loads(text) if text is not None else None
    return parsed
