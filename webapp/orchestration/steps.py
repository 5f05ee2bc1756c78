"""The values that the engine's beats exchange: claims in, completions out. Pure data, JSON on the way to SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from sys import intern
from typing import Any, Literal, NamedTuple
from uuid import UUID

from webapp.common.values import JSON

Status = Literal["done", "failed", "retry", "handback"]


class StepRef(NamedTuple):
    """Names a step; carries no right to it."""

    task: UUID
    n: int


class ReadyStep(NamedTuple):
    """A step that may be claimed, at once or after `delay_s` seconds."""

    ref: StepRef
    queue: str
    delay_s: float = 0.0

    @classmethod
    def of(cls, body: JSON) -> ReadyStep:
        return cls(StepRef(UUID(body["task"]), body["n"]), body["queue"], body["delay_s"])


@dataclass(frozen=True)
class ClaimedStep:
    """
    A step that this process has won: `fence` is the attempt's number and its right to complete.

    `steps_then` is only of a replayed step: how many steps its task had when it ran.
    """

    task: UUID
    n: int
    fence: int
    retries: int
    kind: str
    queue: str
    agent: str
    description: str
    input: JSON
    parents: list[int]
    is_final: bool
    timeout_s: float | None
    tries: int | None
    tenant: UUID
    session: UUID
    user: UUID
    principal: JSON
    steps_then: int | None = None

    @classmethod
    def of(cls, body: JSON) -> ClaimedStep:
        ids = {name: UUID(body[name]) for name in ("task", "tenant", "session", "user")}
        rights = {name: _once(value) for name, value in body["principal"].items()}
        return cls(**{**body, **ids, "principal": rights})

    @property
    def ref(self) -> StepRef:
        return StepRef(self.task, self.n)

    @property
    def attempt(self) -> tuple[str, int, int]:
        return (str(self.task), self.n, self.fence)

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of the step: a receiver that keeps it acts once."""
        return f"{self.task}:{self.n}"


@dataclass(frozen=True)
class NewStep:
    """
    A step to add.

    Args:
        input: what its kind needs.
        after: positions in the same list.
        join, quorum: when it may start (see Join); `quorum` is how many must have succeeded.
        delay_s: how long it waits when it could start.
        timeout_s: how long one attempt may take; None: as its kind has it.
        tries: attempts at most; None: by the class of the error.
        compensation: `{kind, queue, description, input}` of the step that undoes it when the task fails.
        record_of: the step of an earlier run that it stands for.
        record: `{state, output, error, inner}` of that step: it has ended already, and does not run.
        grown_by, replaces: positions in the same list, as they were in that run; None: as it is added.
    """

    kind: str
    agent: str = ""
    description: str = ""
    input: JSON = field(default_factory=dict)
    after: tuple[int, ...] = ()
    join: Literal["all", "any", "quorum", "partial", "settled"] = "all"
    quorum: int | None = None
    is_final: bool = False
    delay_s: float = 0.0
    timeout_s: float | None = None
    tries: int | None = None
    compensation: JSON | None = None
    record_of: int | None = None
    record: JSON | None = None
    grown_by: int | None = None
    replaces: int | None = None

    @property
    def queue(self) -> str:
        """The first part of the kind: `llm.turn` runs on `llm`."""
        return self.kind.partition(".")[0]

    def to_json(self) -> JSON:
        return {**vars(self), "queue": self.queue}


@dataclass(frozen=True)
class HoldRequest:
    """
    The worst case of one call. The engine clamps `max_tokens`, `seconds` and `fuel` to what every budget has left, not
    below the least of each that makes sense.

    `call` numbers the calls of one attempt: an attempt that asks a second model holds for that too. `hedge` marks one that
    runs beside an earlier one. `tier` is what the model was asked for as.
    """

    purpose: str
    provider: str
    model: str
    prompt_tokens: int = 0
    max_tokens: int = 0
    least_tokens: int = 0
    input_usd: Decimal = Decimal(0)
    output_usd: Decimal = Decimal(0)
    fixed_usd: Decimal = Decimal(0)
    seconds: float = 0
    least_seconds: float = 0
    fuel: int = 0
    least_fuel: int = 0
    tool_calls: int = 0
    call: int = 1
    tier: str = ""
    hedge: bool = False


class Granted(NamedTuple):
    """
    What a hold came to: completion tokens, the time that the call may take, sandbox fuel.

    Each is None where nothing limits it; then fuel need not be counted either.
    """

    tokens: int = 0
    seconds: float | None = None
    fuel: int | None = None


@dataclass(frozen=True)
class Settlement:
    """
    How the hold of a call closes: at `usage`, at its worst case (usage None), or at nothing when it was not sent.

    `error` is the code of what went wrong with the call.
    """

    sent: bool
    usage: JSON | None = None
    call: int = 1
    error: str = ""


@dataclass(frozen=True)
class Saving:
    """
    What a step did not have to pay for, against the same call made plainly.

    Args:
        cause: see budgets.models.Cause.
        tokens: that were not sent or not written; those that were sent at a lower price don't count.
    """

    cause: str
    provider: str
    model: str
    tokens: int
    usd: Decimal


@dataclass(frozen=True)
class Begin:
    """
    The commit before a call: the decision is recorded and the worst case held.

    `settle` closes the holds of earlier calls of the same attempt; to say it again is harmless.
    """

    step: ClaimedStep
    events: list[JSON] = field(default_factory=list)
    decisions: list[JSON] = field(default_factory=list)
    hold: HoldRequest | None = None
    settle: tuple[Settlement, ...] = ()

    def to_json(self) -> JSON:
        return {
            **_ref(self.step),
            "events": self.events,
            "decisions": self.decisions,
            "hold": vars(self.hold) if self.hold else None,
            "settle": [vars(each) for each in self.settle],
        }


@dataclass(frozen=True)
class Completion:
    """
    The commit after the call.

    Args:
        inner: `{"state", "beliefs"}` in which the step leaves its agent; of a failed step the engine says it.
        heir: the position in `grow` of the step that takes this one's place.
        compensation: what undoes this step, as NewStep has it; one that the plan has named stays.
    """

    step: ClaimedStep
    status: Status = "done"
    output: JSON | None = None
    error: JSON | None = None
    inner: JSON | None = None
    delay_s: float = 0.0
    grow: list[NewStep] = field(default_factory=list)
    heir: int | None = None
    events: list[JSON] = field(default_factory=list)
    decisions: list[JSON] = field(default_factory=list)
    settle: tuple[Settlement, ...] = ()
    savings: tuple[Saving, ...] = ()
    compensation: JSON | None = None

    def to_json(self) -> JSON:
        return {
            **_ref(self.step),
            "status": self.status,
            "output": self.output,
            "error": self.error,
            "inner": self.inner,
            "delay_s": self.delay_s,
            "grow": [new.to_json() for new in self.grow],
            "heir": self.heir,
            "events": self.events,
            "decisions": self.decisions,
            "settle": [vars(each) for each in self.settle],
            "savings": [vars(each) for each in self.savings],
            "compensation": self.compensation,
        }


def _once(value: Any) -> Any:
    """A list of words, each kept once in the process however many steps carry it."""
    return [intern(word) for word in value] if isinstance(value, list) else value


def event(type_: str, *, agent: str = "", message: str = "", payload: JSON | None = None) -> JSON:
    """An event for the engine to number, e.g. `event("LLM_OUTPUT", agent="a1", message="42")`."""
    return {"type": type_, "agent_id": agent, "message": message, "payload": payload}


def _ref(step: ClaimedStep) -> dict[str, Any]:
    return {"task": step.task, "n": step.n, "fence": step.fence}
