"""The table of states, and why a step does not move. Pure: the instant is passed in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

TASK_STATES = {  # state: what it may become
    "queued": {"running", "cancelled", "timeout"},
    "running": {"paused", "completed", "failed", "cancelled", "timeout"},
    "paused": {"running", "completed", "failed", "cancelled"},
    "completed": set(),
    "failed": set(),
    "cancelled": set(),
    "timeout": set(),
}
STEP_STATES = {
    "waiting": {"ready", "running", "cancelled"},
    "ready": {"running", "waiting", "cancelled"},
    "running": {"done", "failed", "waiting", "ready", "cancelled"},
    "done": set(),
    "failed": set(),
    "cancelled": set(),
}

# The code of the error of a step that waits for a freeze; the error's message says for which, by whom and why.
FROZEN = "step.frozen"


class AgentState(StrEnum):
    """In which a step leaves its agent."""

    ANALYZING = "ANALYZING"
    PLANNING = "PLANNING"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


AGENT_STATES = {  # an agent's first step may leave it in any of them
    "ANALYZING": {"ANALYZING", "PLANNING", "FAILED"},
    "PLANNING": {"PLANNING", "EXECUTING", "COMPLETED", "FAILED"},
    "EXECUTING": {"EXECUTING", "ANALYZING", "PLANNING", "COMPLETED", "FAILED"},
    "COMPLETED": set(),
    "FAILED": set(),
}


class TransitionForbidden(Exception):
    """An agent would become what it may not become: a mistake in Hartley, never the tenant's."""

    def __init__(self, before: AgentState, after: AgentState) -> None:
        may = ", ".join(sorted(AGENT_STATES[before])) or "nothing any more"
        super().__init__(f"An agent that is {before} can't become {after}; it may become {may}")


def next_agent_state(before: AgentState | None, after: AgentState) -> AgentState:
    """
    Args:
        before: in which the agent's newest earlier step left it; None: this is its first.
    Raises:
        TransitionForbidden
    """
    if before is not None and after not in AGENT_STATES[before]:
        raise TransitionForbidden(before, after)
    return after


class OpenStep(Protocol):
    n: int
    kind: str
    queue: str
    agent: str
    state: str
    waits: int
    retries: int
    error: Any
    due: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class Waiting:
    """
    One open step that no worker holds, and why.

    Attributes:
        state: the step's own, or frozen.
        retry_in_s: seconds until its next try.
    """

    step: OpenStep
    reason: str
    retry_in_s: int | None = None

    @property
    def state(self) -> str:
        return "frozen" if is_frozen(self.step) else self.step.state


def is_frozen(step: OpenStep) -> bool:
    return step.state == "waiting" and isinstance(step.error, dict) and step.error.get("code") == FROZEN


def why_not_moving(step: OpenStep, now: datetime, served: Collection[str] | None = None) -> Waiting:
    """
    A step that is to be tried again is `waiting` too: for its time, with no step before it open.

    Args:
        served: the queues that have a worker; None: not known.
    """
    if step.state == "waiting" and step.waits:
        return Waiting(step, f"waits for {step.waits} {'step' if step.waits == 1 else 'steps'} before it")
    if is_frozen(step):
        return Waiting(step, _message(step.error))
    if step.state == "waiting" and step.due is None:
        return Waiting(step, "starts when the task goes on")
    if step.state == "waiting" and step.due and step.due > now:
        left = max(1, round((step.due - now).total_seconds()))
        if not step.error:
            return Waiting(step, f"waits {left} s more, as its plan says")
        return Waiting(step, f"retries in {left} s after: {_message(step.error)}", retry_in_s=left)
    if served is not None and step.queue not in served:
        return Waiting(step, f"waits: no worker serves the queue {step.queue}")
    return Waiting(step, f"waits for a worker on the queue {step.queue}")


def _message(error: Any) -> str:
    return str(error.get("message", "an error")) if isinstance(error, dict) else "an error"
