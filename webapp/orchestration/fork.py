"""Forks: the steps of an ended run as a plan that serves its past and runs the rest anew. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.steps import NewStep

EVERY_RUN_ITSELF = ("policy.admit", "control.fork")  # with which a run begins; never taken over
ALONE = ("llm.complete", "llm.embed")  # all that they say is in their input, and a fork changes nothing of it


class ForkInvalid(HartleyError):
    """The run can't be forked so; the message names the step and says why. Nothing was started."""

    code = "fork.invalid"
    status = 400


class PastStep(Protocol):
    n: int
    kind: str
    agent: str
    description: str
    input: Any
    parents: list[int]
    join: str
    quorum: int | None
    is_final: bool
    state: str
    output: Any
    error: Any
    inner: Any
    delay_s: float
    timeout_s: float | None
    tries: int | None
    compensation: Any
    compensates: int | None
    grown_by: int | None
    replaces: int | None


def fork_steps(
    past: Sequence[PastStep],
    at: int,
    *,
    first: int = 1,
    description: str | None = None,
    arguments: JSON | None = None,
) -> tuple[list[NewStep], int]:
    """
    The steps of the new run in the order of their numbers, and the position of the one whose output is the answer.

    Live is the step `at`, all that follows from it, all that had not come to an end, and the final step. What a live
    step had added is left out: it will add its own. All others are served.

    Args:
        past: every step of the run.
        first: the number that the first of the new steps will have.
        description: of an agent's turn: what the agent is to do.
        arguments: of a tool call.
    Raises:
        ForkInvalid: there is no such step, it can't run anew, or it takes no such change.
    """
    steps = {step.n: step for step in past if step.kind not in EVERY_RUN_ITSELF and step.compensates is None}
    _check(steps, past, at, description, arguments)
    live = _live(steps, at)
    kept = [step for n, step in sorted(steps.items()) if step.grown_by not in live]
    place = {step.n: position for position, step in enumerate(kept)}
    answer = _in_place_of(_final(steps), steps, place)
    assert answer is not None, "the first of those that had each other's place is kept"
    numbers = {n: first + position for n, position in place.items()}
    new = [_new(step, steps, place, live, numbers) for step in kept]
    if description is not None or arguments is not None:
        new[place[at]] = _changed(new[place[at]], description, arguments)
    return new, place[answer]


def _check(
    steps: Mapping[int, PastStep], past: Iterable[PastStep], at: int, description: str | None, arguments: JSON | None
) -> None:
    if at not in steps:
        if any(step.n == at for step in past):
            raise ForkInvalid(f"step {at}: every run passes its admission itself; fork at a later step")
        raise ForkInvalid(f"step {at}: the run has no such step")
    step = steps[at]
    if step.kind in ALONE:
        raise ForkInvalid(f"step {at}: it is a single call with all that it says; send it anew instead")
    if step.state not in ("done", "failed"):
        raise ForkInvalid(
            f"step {at}: it never came to an end, so there is nothing to do anew; fork at a step before it"
        )
    if description is not None and step.kind != "llm.turn":
        raise ForkInvalid(f"step {at}: only an agent's turn has a description to change; it is {step.kind}")
    if arguments is not None and step.kind != "tools.call":
        raise ForkInvalid(f"step {at}: only a tool call has arguments to change; it is {step.kind}")


def _final(steps: Mapping[int, PastStep]) -> int:
    finals = [step.n for step in steps.values() if step.is_final]
    if not finals:
        raise ForkInvalid("the run has no step that answers: it ended before it was planned; submit it again instead")
    return finals[0]


def _live(steps: Mapping[int, PastStep], at: int) -> set[int]:
    """Numbers of the steps that do not stand as they are."""
    follows: dict[int, list[int]] = {n: [] for n in steps}
    for step in steps.values():
        for before in {*step.parents, step.grown_by}:
            if before in follows:
                follows[before].append(step.n)
    unfinished = [n for n, step in steps.items() if step.state not in ("done", "failed") and not _was_skipped(step)]
    live: set[int] = set()
    open_ = [at, _final(steps), *unfinished]
    while open_:
        n = open_.pop()
        if n not in live:
            live.add(n)
            open_ += follows[n]
    return live


def _was_skipped(step: PastStep) -> bool:
    return isinstance(step.error, dict) and step.error.get("code") == "step.skipped"


def _in_place_of(n: int, steps: Mapping[int, PastStep], kept: Mapping[int, int]) -> int | None:
    """The kept step whose place it had taken, itself if it is kept; None: that place was the run's beginning."""
    while n not in kept:
        before = steps[n].replaces if n in steps else None
        if before is None:
            return None
        n = before
    return n


def _new(
    step: PastStep,
    steps: Mapping[int, PastStep],
    place: Mapping[int, int],
    live: set[int],
    numbers: Mapping[int, int],
) -> NewStep:
    """What was done then is that run's to undo; what a tool said there of how, too."""
    parents = [_in_place_of(parent, steps, place) for parent in step.parents]
    return NewStep(
        kind=step.kind,
        agent=step.agent,
        description=step.description,
        input=step.input,
        after=tuple(dict.fromkeys(place[parent] for parent in parents if parent is not None)),
        join=step.join,  # type: ignore[arg-type]
        quorum=step.quorum,
        delay_s=step.delay_s,
        timeout_s=step.timeout_s,
        tries=step.tries,
        compensation=step.compensation if step.n in live and not step.input.get("compensate") else None,
        record_of=step.n,
        record=None if step.n in live else _record(step, numbers),
        grown_by=place.get(step.grown_by) if step.grown_by is not None else None,
        replaces=place.get(step.replaces) if step.replaces is not None else None,
    )


def _record(step: PastStep, numbers: Mapping[int, int]) -> JSON:
    inner = step.inner and {**step.inner, "beliefs": _renumbered(step.inner["beliefs"], numbers)}
    return {"state": step.state, "output": step.output, "error": step.error, "inner": inner}


def _renumbered(beliefs: JSON | None, numbers: Mapping[int, int]) -> JSON | None:
    """Evidence names the step in which it was weighed; in the new run that has another number."""
    if beliefs is None:
        return None
    hypotheses = [dict(each) for each in beliefs["hypotheses"]]
    for each in hypotheses:
        for side in ("supporting", "contradicting"):
            each[side] = [{**piece, "step": numbers.get(piece["step"], piece["step"])} for piece in each[side]]
    return {**beliefs, "hypotheses": hypotheses}


def _changed(step: NewStep, description: str | None, arguments: JSON | None) -> NewStep:
    if description is not None:
        step = replace(step, description=description)
    if arguments is not None:
        raw = json.dumps(arguments, ensure_ascii=False)
        step = replace(step, input={**step.input, "arguments": arguments, "raw": raw})
    return step
