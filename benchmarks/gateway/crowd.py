"""Many completions, at most so many of them open at once: submitted as the API does, without its process."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from webapp.common.values import JSON

if TYPE_CHECKING:
    from tests.support.cast import Person

WITHIN_S = 600.0
LOOK_S = 0.05
POOL = ThreadPoolExecutor(4)  # for good: each thread keeps a connection to the database


@dataclass(frozen=True)
class End:
    """How a call ended. `took_s`: from its submission to its end."""

    state: str
    error: JSON | None
    took_s: float


class Crowd:
    """
    Args:
        options: of each call, as `POST /v1/completions` keeps them in its step.
    """

    def __init__(self, person: Person, options: dict[str, Any] | None = None) -> None:
        self.person, self._options = person, {"max_tokens": 256, **(options or {})}
        self.tasks: list[UUID] = []

    def ask(self, calls: int, *, at_once: int) -> float:
        """So many more. Returns the seconds until all that were ever asked have ended."""
        began, target = time.monotonic(), len(self.tasks) + calls
        while (done := self.ended()) < target:
            self.submit(min(target - len(self.tasks), at_once - (len(self.tasks) - done)))
            if time.monotonic() - began > WITHIN_S:
                raise SystemExit(f"{target - done} calls have not ended within {WITHIN_S:g} s")
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def submit(self, calls: int) -> None:
        """At once, whatever is open."""
        self.tasks += POOL.map(self._submit, range(len(self.tasks), len(self.tasks) + calls))

    def ended(self) -> int:
        from webapp.agent_tasks.models import Task
        from webapp.common.tenancy import tenant_scope

        with tenant_scope(self.person.principal.tenant_id):
            return Task.objects.filter(finished_at__isnull=False).count()

    def ends(self) -> list[End]:
        """By number of the call."""
        from webapp.agent_tasks.models import Step, Task
        from webapp.common.tenancy import tenant_scope

        with tenant_scope(self.person.principal.tenant_id):
            states = dict(Task.objects.values_list("id", "state"))
            steps = {s.task_id: s for s in Step.objects.defer("input", "output")}
        return [End(states[task], steps[task].error, _took_s(steps[task])) for task in self.tasks]

    def _submit(self, n: int) -> UUID:
        from webapp.orchestration.completions import COMPLETE, ask

        said = f"Call {n}. What is 2 + 2?"
        asked = {
            "messages": [{"role": "user", "content": said}],
            "tools": [],
            "options": self._options,
            "stream": False,
        }
        return ask(principal=self.person.principal, kind=COMPLETE, query=said, asked=asked, session=None, place=None).id


def _took_s(step: Any) -> float:
    return float((step.finished_at - step.created_at).total_seconds())


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest rank, of values in order."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
