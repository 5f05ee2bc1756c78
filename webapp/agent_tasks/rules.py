"""Why a step does not move. Pure: the instant is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


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
    """One open step that no worker holds: the reason, and since or until when in seconds."""

    step: OpenStep
    reason: str
    retry_in_s: int | None = None


def why_not_moving(step: OpenStep, now: datetime) -> Waiting:
    if step.state == "waiting":
        return Waiting(step, f"waits for {step.waits} {'step' if step.waits == 1 else 'steps'} before it")
    if step.retries and step.due and step.due > now:
        left = max(1, round((step.due - now).total_seconds()))
        return Waiting(step, f"retries in {left} s after: {_message(step.error)}", retry_in_s=left)
    return Waiting(step, f"waits for a worker on the queue {step.queue}")


def _message(error: Any) -> str:
    return str(error.get("message", "an error")) if isinstance(error, dict) else "an error"
