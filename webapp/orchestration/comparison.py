"""Two runs side by side: a fork and the run that it was forked from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from uuid import UUID

from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Step, Task
from webapp.budgets.selectors import Spent, spent_by_step
from webapp.common.errors import Conflict, NotFound
from webapp.common.values import JSON
from webapp.orchestration.fork import EVERY_RUN_ITSELF

TEXT_CHARS = 2000  # of what a step brought


@dataclass(frozen=True)
class Brought:
    """What a step brought in one of the runs, and what that took."""

    step: Step
    spent: Spent

    @property
    def took_s(self) -> float | None:
        ran = self.step.started_at and self.step.finished_at
        return (self.step.finished_at - self.step.started_at).total_seconds() if ran else None  # type: ignore[operator]

    @property
    def agent_state(self) -> str | None:
        """In which it left its agent."""
        return self.step.inner["state"] if self.step.inner else None

    @property
    def text(self) -> str:
        """Its beginning, or why it failed."""
        output = self.step.output if isinstance(self.step.output, dict) else {}
        shown = output.get("shown") or {}
        said = output.get("text") or shown.get("stdout") or shown.get("value") or (self.step.error or {}).get("message")
        return str(said or "")[:TEXT_CHARS]


@dataclass(frozen=True)
class Pair:
    """The same step in both runs; None: the run had no such step."""

    then: Brought | None
    now: Brought | None

    @property
    def any(self) -> Brought:
        found = self.now or self.then
        assert found
        return found

    @property
    def same(self) -> bool:
        if not (self.then and self.now and self.then.text):
            return False
        return (self.then.text, self.then.agent_state) == (self.now.text, self.now.agent_state)


@dataclass(frozen=True)
class Side:
    """`duration_s` is from its submission to its end; None while it runs."""

    task: Task
    duration_s: float | None

    @property
    def tokens(self) -> int:
        return self.task.prompt_tokens + self.task.completion_tokens


@dataclass(frozen=True)
class Comparison:
    """
    Attributes:
        served: steps that came from the records; `saved` is what they had cost when they ran.
        anew: the steps that did not.
    """

    then: Side
    now: Side
    at: int
    served: int
    saved: Spent
    anew: list[Pair]


def compare(*, tenant: UUID, viewer: UUID | None, fork: Task) -> Comparison:
    """
    Within the tenant's scope.

    Raises:
        NotFound: it is no fork, or of a run that the viewer may not see.
    """
    origin = fork.origin or {}
    if origin.get("kind") != "fork":
        raise NotFound("comparison")
    run = selectors.find_task(tenant, viewer, origin["task"])
    then = _by_number(tenant, run)
    now = _by_number(tenant, fork)
    served = [now[n].step.record_of for n in now if now[n].step.is_served]
    saved = [then[n].spent for n in served if n in then]
    total = Spent(sum(spent.tokens for spent in saved), sum((spent.usd for spent in saved), Decimal(0)))
    return Comparison(_side(run), _side(fork), origin["step"], len(served), total, list(_pairs(then, now)))


def report_of(tenant: UUID, replay: Task) -> JSON:
    """
    What a replay has found. Within the tenant's scope.

    Raises:
        Conflict: it has not found it yet, or failed.
    """
    for step in selectors.steps_of(tenant, replay.id):
        if step.kind == "control.replay" and step.output:
            return dict(step.output["replay"])
    raise Conflict(f"The replay has no report: it is {replay.state}")


def _by_number(tenant: UUID, task: Task) -> dict[int, Brought]:
    spent = spent_by_step(tenant, task.id)
    steps = selectors.steps_of(tenant, task.id)
    return {step.n: Brought(step, spent.get(step.n, Spent())) for step in steps if step.kind not in EVERY_RUN_ITSELF}


def _side(task: Task) -> Side:
    return Side(task, (task.finished_at - task.created_at).total_seconds() if task.finished_at else None)


def _pairs(then: Mapping[int, Brought], now: Mapping[int, Brought]) -> Iterator[Pair]:
    """By the step that it stands for; what was added while running: the first of an agent and kind with the first."""
    stood_for = {brought.step.record_of for brought in now.values()}
    left = _queues(brought for n, brought in then.items() if n not in stood_for)
    for brought in now.values():
        step = brought.step
        if step.is_served:
            continue
        alike = left[step.kind, step.agent]
        match = then.get(step.record_of) if step.record_of is not None else alike.pop(0) if alike else None
        yield Pair(match, brought)
    yield from (
        Pair(brought, None)
        for brought in sorted(chain.from_iterable(left.values()), key=lambda brought: brought.step.n)
    )


def _queues(brought: Iterable[Brought]) -> dict[tuple[str, str], list[Brought]]:
    found: dict[tuple[str, str], list[Brought]] = defaultdict(list)
    for one in brought:
        found[one.step.kind, one.step.agent].append(one)
    return found
