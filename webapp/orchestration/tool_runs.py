"""
A single tool call, asked for by a person and by no agent: a task of one step, and of a policy step before it when the tool
acts on the world. Admitted, decided, held, recorded and durable like every other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from webapp.agent_tasks.models import Step, Task, TaskState
from webapp.agent_tasks.rules import FROZEN
from webapp.common.tenancy import one_statement
from webapp.common.values import JSON
from webapp.orchestration.steps import NewStep
from webapp.orchestration.submit import Submission, submit_task
from webapp.orchestration.tool_freezes import check_not_frozen
from webapp.orchestration.tools import KnownTool
from webapp.tenants.rules import Principal

CALL, DECIDE = "tools.call", "policy.tool"
DIRECT = "direct"  # what stands for an agent's name of its call
OPEN = (TaskState.QUEUED, TaskState.RUNNING, TaskState.PAUSED)
TEXT_CHARS = 20_000
WORDS = ("text", "stdout", "value")  # of a tool's output: what people read first

OUTCOME = """
SELECT t.state, coalesce(t.error, f.error), s.output, t.cost_usd, extract(epoch FROM s.finished_at - s.started_at)::float
  FROM agent_tasks_task t JOIN agent_tasks_step s ON s.task_id = t.id AND s.is_final
  LEFT JOIN agent_tasks_step f ON f.task_id = t.id AND f.state = 'waiting' AND f.error->>'code' = 'step.frozen'
 WHERE t.id = %s AND (t.finished_at IS NOT NULL OR f.n IS NOT NULL) LIMIT 1
"""


@dataclass(frozen=True)
class ToolOutcome:
    """
    How the call ended, or that it waits for a thaw: then `state` is an open one and `error` tells of the freeze.

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

    @property
    def is_frozen(self) -> bool:
        return self.state in OPEN and (self.error or {}).get("code") == FROZEN


@dataclass(frozen=True)
class DirectCall:
    """What was called, and the name of the session whose files it was given."""

    tool: str
    arguments: JSON
    session: str


def run_tool(
    *, principal: Principal, tool: KnownTool, arguments: JSON, session: str | None, place: str | None = None
) -> Task:
    """
    Submit it; it ends within `TOOL_WAIT_S`, in one way or another. Arguments are checked by the worker, before anything
    else.

    Args:
        session: whose files the tool is given, when it uses them; None: a session of its own.
        place: names the request; asked again, also at the same moment, it is the same task.
    Raises:
        ToolFrozen: nothing was submitted.
    """
    check_not_frozen(principal.tenant_id, tool.name)
    title = f"Call {tool.name}"
    return submit_task(
        principal=principal,
        submission=Submission(
            query=title, session=session, mode="simple", deadline_s=settings.TOOL_WAIT_S, prompts={}, alone=True
        ),
        idempotency=place,
        steps=steps_of(tool, arguments),
    )


def steps_of(tool: KnownTool, arguments: JSON) -> list[NewStep]:
    """The call fails with its tool (`strict`), so the task's state tells how it went."""
    raw = json.dumps(arguments, ensure_ascii=False)
    asked: JSON = {"call_id": DIRECT, "tool": tool.name, "arguments": arguments, "raw": raw, "strict": True}
    call = NewStep(CALL, description=f"Call {tool.name}", input=asked, is_final=True)
    if tool.effect != "acts":
        return [call]
    decide = NewStep(DECIDE, description=f"May {tool.name} act?", input=asked)
    return [decide, NewStep(CALL, description=call.description, input=asked, after=(0,), is_final=True)]


def direct_call(task: Task, steps: Sequence[Step]) -> DirectCall | None:
    """
    None for a task that is something else. In the tenant's scope.

    Args:
        steps: the task's, whose inputs may be deferred: they are read only where it may be one.
    """
    last = next((step for step in steps if step.kind == CALL and step.is_final), None)
    if last is None or last.input.get("call_id") != DIRECT:
        return None
    session = task.session.external_id or str(task.session_id)
    return DirectCall(last.input["tool"], last.input["arguments"], session)


def outcome_of(tenant: UUID, task: UUID) -> ToolOutcome | None:
    """None while the task is open and nothing of it is frozen."""
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
