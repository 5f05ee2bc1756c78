"""What must hold after a run, whatever was killed in it. Pure: rows and witnesses in, what is broken out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

ENDED = {"done": "STEP_COMPLETED", "failed": "STEP_FAILED"}
FINAL = {"completed", "failed", "cancelled", "timeout"}
OPEN = {"waiting", "ready", "running"}
MARKING = {"control.mark", "tools.call"}


class Task(NamedTuple):
    id: str
    state: str
    seq: int
    steps: int
    open: int
    tokens: int
    usd: Decimal
    query: str = ""
    error: str | None = None


class Step(NamedTuple):
    task: str
    n: int
    kind: str
    state: str
    fence: int
    parents: Sequence[int]
    error: str | None = None


class Event(NamedTuple):
    """`step` and `attempt` are None for what the task says as a whole; `at` is the database's clock in seconds."""

    task: str
    seq: int
    type: str
    step: int | None = None
    attempt: int | None = None
    at: float = 0.0


class Hold(NamedTuple):
    task: str
    step: int
    fence: int
    state: str
    tokens: int
    usd: Decimal
    worst_case: bool
    provider: str
    envelopes: tuple[str, ...] = ()


class Envelope(NamedTuple):
    id: str
    level: str
    tokens_spent: int
    tokens_held: int
    usd_spent: Decimal
    usd_held: Decimal


class Mark(NamedTuple):
    task: str
    step: int
    attempt: int


class Requests(NamedTuple):
    """What the model server saw of one task."""

    sent: int
    answered: int


class Broken(NamedTuple):
    """
    Attributes:
        sort: lost, twice, stuck, failed, order, events or books.
        where: the ids, `task` or `task:step`.
    """

    sort: str
    where: str
    what: str


@dataclass
class Evidence:
    """
    Attributes:
        counted: the provider whose requests the model server counts.
    """

    tasks: list[Task] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    requests: Mapping[str, Requests] = field(default_factory=dict)
    counted: str = "openai"

    @cached_property
    def events_of(self) -> dict[str, list[Event]]:
        return _by_task(sorted(self.events))

    @cached_property
    def steps_of(self) -> dict[str, list[Step]]:
        return _by_task(self.steps)

    @cached_property
    def holds_of(self) -> dict[str, list[Hold]]:
        return _by_task(self.holds)


def broken(evidence: Evidence) -> list[Broken]:
    """Every promise that is not kept, each with the ids that show it."""
    return sorted(found for check in CHECKS for found in check(evidence))


def ended(e: Evidence) -> Iterator[Broken]:
    """Every task has ended and left nothing open."""
    for task in e.tasks:
        if task.state not in FINAL:
            yield Broken("stuck", task.id, f"is {task.state} with {task.open} open steps")
        elif task.open:
            yield Broken("stuck", task.id, f"has ended and counts {task.open} open steps")
    for step in e.steps:
        if step.state in OPEN:
            yield Broken("stuck", _at(step.task, step.n), f"{step.kind} is {step.state} (attempt {step.fence})")


def nothing_failed(e: Evidence) -> Iterator[Broken]:
    """Nothing in the load fails by itself, so a failure is something that a fault got through to."""
    for task in e.tasks:
        if task.state in ("failed", "timeout"):
            yield Broken("failed", task.id, f"{task.state}: {task.error}")
    for step in e.steps:
        if step.state == "failed":
            yield Broken("failed", _at(step.task, step.n), f"{step.kind} (attempt {step.fence}): {step.error}")


def committed_once(e: Evidence) -> Iterator[Broken]:
    said = Counter((ev.task, ev.step, ev.type) for ev in e.events if ev.type in ENDED.values())
    for step in e.steps:
        for type_ in ENDED.values():
            wanted, found = int(ENDED.get(step.state) == type_), said[step.task, step.n, type_]
            if found != wanted:
                sort = "twice" if found > wanted else "lost"
                yield Broken(sort, _at(step.task, step.n), f"is {step.state} with {found} {type_}")
    for task in e.tasks:
        if task.steps != len(e.steps_of.get(task.id, [])):
            yield Broken("lost", task.id, f"counts {task.steps} steps and has {len(e.steps_of.get(task.id, []))}")


def parents_first(e: Evidence) -> Iterator[Broken]:
    end = {(ev.task, ev.step): ev.seq for ev in e.events if ev.type in ENDED.values()}
    parents = {(step.task, step.n): step.parents for step in e.steps}
    for ev in e.events:
        if ev.type != "STEP_STARTED" or ev.step is None:
            continue
        for parent in parents.get((ev.task, ev.step), ()):
            if end.get((ev.task, parent), ev.seq) >= ev.seq:
                yield Broken("order", _at(ev.task, ev.step), f"started (event {ev.seq}) before {parent} had ended")


def attempts_recorded(e: Evidence) -> Iterator[Broken]:
    """Each claim is told once: attempts 1 to the fence."""
    started: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    for ev in e.events:
        if ev.type == "STEP_STARTED":
            started[ev.task, ev.step].append(ev.attempt or 0)
    for step in e.steps:
        found = sorted(started[step.task, step.n])
        if found != list(range(1, step.fence + 1)):
            yield Broken("events", _at(step.task, step.n), f"has fence {step.fence} and started as {found}")


def numbered(e: Evidence) -> Iterator[Broken]:
    """Events are 1..n without gaps, n is the task's own count, and the one STREAM_END is the last."""
    for task in e.tasks:
        events = e.events_of.get(task.id, [])
        if [ev.seq for ev in events] != list(range(1, task.seq + 1)):
            yield Broken("events", task.id, f"counts {task.seq} events; their numbers are not 1..{task.seq}")
        ends = [ev.seq for ev in events if ev.type == "STREAM_END"]
        if task.state in FINAL and ends != [task.seq]:
            yield Broken("events", task.id, f"has STREAM_END at {ends}, its last event is {task.seq}")


def books_balance(e: Evidence) -> Iterator[Broken]:
    for hold in e.holds:
        if hold.state not in ("settled", "released"):
            yield Broken("books", _at(hold.task, hold.step), f"the hold of attempt {hold.fence} is {hold.state}")
    tokens: Counter[str] = Counter()
    usd: dict[str, Decimal] = defaultdict(Decimal)
    for task in e.tasks:
        holds = [h for h in e.holds_of.get(task.id, []) if h.state != "open"]
        spent, cost = sum(h.tokens for h in holds), sum((h.usd for h in holds), Decimal())
        if (spent, cost) != (task.tokens, task.usd):
            yield Broken("books", task.id, f"counts {task.tokens} tokens, {task.usd} USD; the ledger {spent}, {cost}")
        for hold in holds:
            for envelope in hold.envelopes:
                tokens[envelope] += hold.tokens
                usd[envelope] += hold.usd
    for env in e.envelopes:
        name = f"{env.level} {env.id}"
        if env.tokens_held or env.usd_held:
            yield Broken("books", name, f"still holds {env.tokens_held} tokens, {env.usd_held} USD")
        if (env.tokens_spent, env.usd_spent) != (tokens[env.id], usd[env.id]):
            ledger = f"the ledger {tokens[env.id]}, {usd[env.id]}"
            yield Broken("books", name, f"spent {env.tokens_spent} tokens, {env.usd_spent} USD; {ledger}")


def effects_witnessed(e: Evidence) -> Iterator[Broken]:
    """A done marking step has left its mark, and every mark belongs to an attempt of its own."""
    marks: dict[tuple[str, int], list[int]] = defaultdict(list)
    for mark in e.marks:
        marks[mark.task, mark.step].append(mark.attempt)
    fences = {(step.task, step.n): step.fence for step in e.steps}
    for step in e.steps:
        if step.kind in MARKING and step.state == "done" and (step.task, step.n) not in marks:
            yield Broken("lost", _at(step.task, step.n), f"{step.kind} is done and left no mark")
    for (task, n), attempts in marks.items():
        if len(attempts) != len(set(attempts)) or max(attempts) > fences.get((task, n), 0):
            fence = fences.get((task, n), 0)
            yield Broken("twice", _at(task, n), f"marked by attempts {sorted(attempts)}, recorded are {fence}")


def calls_held(e: Evidence) -> Iterator[Broken]:
    """No request without a hold that was paid, and no honest bill without an answered request."""
    for task in {task.id for task in e.tasks} | set(e.requests):
        seen = e.requests.get(task, Requests(0, 0))
        paid = [h for h in e.holds_of.get(task, []) if h.state == "settled" and h.provider == e.counted]
        if seen.sent > len(paid):
            yield Broken("twice", task, f"sent {seen.sent} model requests and paid for {len(paid)}")
        honest = sum(not h.worst_case for h in paid)
        if seen.answered < honest:
            yield Broken("lost", task, f"has {honest} bills and {seen.answered} answered model requests")


CHECKS: tuple[Callable[[Evidence], Iterable[Broken]], ...] = (
    ended,
    nothing_failed,
    committed_once,
    parents_first,
    attempts_recorded,
    numbered,
    books_balance,
    effects_witnessed,
    calls_held,
)


def _at(task: str, step: int) -> str:
    return f"{task}:{step}"


def _by_task(rows: Iterable) -> dict[str, list]:  # type: ignore[type-arg]
    found = defaultdict(list)
    for row in rows:
        found[row.task].append(row)
    return found
