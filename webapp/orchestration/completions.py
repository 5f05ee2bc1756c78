"""A single model call as a task of one step: admitted, decided, held, recorded and durable like every other.

No agent, no plan and no tool of ours: what the caller says is what the model is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from webapp.agent_sessions.conversations import keep, whole
from webapp.agent_tasks.models import Task, TaskState
from webapp.common.tenancy import one_statement
from webapp.common.values import JSON
from webapp.orchestration.quotes import completion_base
from webapp.orchestration.steps import NewStep
from webapp.orchestration.submit import Submission, submit_task, submitted
from webapp.tenants.rules import Principal

COMPLETE, EMBED = "llm.complete", "llm.embed"
MESSAGES_INLINE = 2
QUERY_CHARS = 2000  # of what is asked, as lists show it; the step's input has all of it

# Every completion asks this: as SQL it costs a third of what composing it costs.
OUTCOME = """
SELECT t.state, t.error, s.output, t.prompt_tokens, t.completion_tokens, t.cost_usd
  FROM agent_tasks_task t JOIN agent_tasks_step s ON s.task_id = t.id AND s.n = 1
 WHERE t.id = %s AND t.finished_at IS NOT NULL
"""


@dataclass(frozen=True)
class Outcome:
    """How the one step of such a task ended; `error` is `{"code", "message"}`."""

    state: str
    error: JSON | None
    output: JSON | None
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal


def query_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """What is asked: the beginning of the last message of the user's that has text."""
    said = (m["content"] for m in reversed(messages) if m["role"] == "user" and m["content"])
    return next(said, "")[:QUERY_CHARS].strip() or "Completion"


def stored(tenant: UUID, messages: Sequence[Mapping[str, Any]]) -> JSON:
    """
    The messages as a step's input has them: a few as they are, which saves a statement; more as a conversation, since
    most of them are sent again with the next question and are stored once.
    """
    if len(messages) <= MESSAGES_INLINE:
        return {"messages": list(messages)}
    return {"conversation": keep(tenant, messages)}


def said_in(tenant: UUID, asked: Mapping[str, Any]) -> list[JSON]:
    """
    All messages of a completion's input.

    Raises:
        NotFound: the conversation is not this tenant's.
    """
    return whole(tenant, asked["conversation"]) if "conversation" in asked else list(asked["messages"])


def ask(*, principal: Principal, kind: str, query: str, asked: JSON, session: str | None, place: str | None) -> Task:
    """
    Submit it; it ends within `COMPLETION_WAIT_S`, in one way or another.

    Args:
        kind: COMPLETE or EMBED.
        asked: the step's input, with all messages of a completion.
        place: names the request; asked again it is the same task.
    """
    base = None
    if kind == COMPLETE:
        base = completion_base(asked).to_json()
        rest = {name: value for name, value in asked.items() if name != "messages"}
        asked = {**stored(principal.tenant_id, asked["messages"]), **rest}
    return submit_task(
        principal=principal,
        submission=Submission(
            query=query,
            session=session,
            mode="simple",
            deadline_s=settings.COMPLETION_WAIT_S,
            prompts={},
            alone=True,
        ),
        idempotency=place,
        steps=[NewStep(kind, description=query[:200], input=asked, is_final=True)],
        base=base,
    )


def place_for(principal: Principal, place: str) -> tuple[str, bool]:
    """
    The name under which a request that may be repeated is submitted, and whether it was before.

    One that failed is no answer to keep: its repetition is a new task, under a name that follows from the failed one.
    """
    while earlier := submitted(principal, place):
        if earlier.is_open or earlier.state == TaskState.COMPLETED:
            return place, True
        place = hashlib.sha256(f"{place}{earlier.id}".encode()).hexdigest()
    return place, False


def outcome_of(tenant: UUID, task: UUID) -> Outcome | None:
    """None while the task is open."""
    found = one_statement(tenant, OUTCOME, [task])
    if found is None:
        return None
    state, error, output, *figures = found
    return Outcome(state, _parsed(error), _parsed(output), *figures)


def _parsed(text: str | None) -> JSON | None:
    """Django hands jsonb over as text."""
    parsed: JSON | None = json.loads(text) if text is not None else None
    return parsed
