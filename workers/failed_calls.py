"""What a failed tool call does to its step: an agent reads of it, a plan's own step goes the way its plan says."""

from __future__ import annotations

import random
from collections.abc import Sequence

from webapp.common.values import JSON
from webapp.orchestration.on_failure import way_of
from webapp.orchestration.steps import ClaimedStep, Completion
from workers.retries import retry_delay_s

FOR_GOOD = {  # another try ends alike
    "tool.unknown", "tool.arguments_invalid", "policy.denied", "budget.exceeded", "address.refused", "web.too_large",
}  # fmt: skip


def failed_call(step: ClaimedStep, branch: str, shown: JSON, events: Sequence[JSON]) -> Completion | None:
    """
    How the step ends, or None when it is done and what comes after it reads of the failure.

    Args:
        branch: of the tool.
        shown: what the tool answered.
    """
    way = way_of(step.input.get("on_failure") or {}, branch)
    if not step.input.get("strict") or way == "go_on":
        return None
    error = _error(shown)
    delay = None
    if way == "retry" and error.get("code") not in FOR_GOOD:
        delay = retry_delay_s("tool", retries=step.retries, tries=step.tries, asked_s=None, jitter=random.random())
    if delay is None:
        return Completion(step, status="failed", error=error, events=list(events))
    return Completion(step, status="retry", error=error, delay_s=delay, events=list(events))


def _error(shown: JSON) -> JSON:
    why = shown.get("error") or "The tool failed"
    return why if isinstance(why, dict) else {"code": "tool.failed", "message": str(why)}
