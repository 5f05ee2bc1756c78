"""A worker that does nothing but hold and settle: what a process of the `llm` queue asks of the database, without a model."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import django
from redis import Redis

django.setup()

from webapp.orchestration import engine  # noqa: E402
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, HoldRequest, Settlement, StepRef  # noqa: E402

WORK, STOP, TOOK, HELD, REFUSED = "bench:work", "bench:stop", "bench:took", "bench:held", "bench:refused"
LEASE_S, HINT_S = 4.0, 4.0
USD = Decimal("0.000001")
REFUSAL = {"code": "budget.exceeded", "message": "refused"}


def hold(call: int, rng: random.Random) -> HoldRequest:
    return HoldRequest(
        purpose="turn",
        provider="scripted",
        model="m",
        prompt_tokens=rng.randint(50, 150),
        max_tokens=rng.randint(100, 400),
        least_tokens=50,
        input_usd=USD,
        output_usd=3 * USD,
        seconds=5,
        least_seconds=1,
        tool_calls=int(call % 4 == 0),
        call=call,
    )


def outcome(asked: HoldRequest, granted: int, rng: random.Random) -> Settlement:
    """Most calls cost less than was held; some are never known, some never sent."""
    fate = rng.random()
    if fate < 0.05:
        return Settlement(sent=True, call=asked.call)
    if fate < 0.1:
        return Settlement(sent=False, call=asked.call)
    used = rng.randint(1, granted) if granted else 0
    usd = asked.prompt_tokens * asked.input_usd + used * asked.output_usd
    usage = {"prompt_tokens": asked.prompt_tokens, "completion_tokens": used, "cached_tokens": 0, "usd": str(usd)}
    return Settlement(sent=True, usage=usage, call=asked.call)


def turn(worker: str, **said: Any) -> engine.TurnResult:
    return engine.turn(worker=worker, queues=["llm"], take=0, lease_s=LEASE_S, hint_s=HINT_S, **said)


def work(redis_url: str, number: int, calls: int) -> None:
    """
    Takes batches of steps from the list until it is told to stop.

    Args:
        calls: of each step, one after the other: each settles the one before.
    """
    redis, rng, name = Redis.from_url(redis_url), random.Random(os.getpid()), f"w{number}/{os.getpid()}"
    while not redis.exists(STOP):
        found = redis.blpop([WORK], timeout=1)
        if found:
            refs = [StepRef(UUID(task), n) for task, n in json.loads(found[1])]
            _calls(name, turn(name, claims=refs).claimed, calls, redis, rng)


def _calls(name: str, steps: list[ClaimedStep], calls: int, redis: Redis, rng: random.Random) -> None:
    closing: dict[engine.Attempt, tuple[Settlement, ...]] = {step.attempt: () for step in steps}
    ends: list[Completion] = []
    for call in range(1, calls + 1):
        asked = {step.attempt: hold(call, rng) for step in steps}
        began = time.perf_counter()
        begun = turn(name, begins=[Begin(s, hold=asked[s.attempt], settle=closing[s.attempt]) for s in steps]).begun
        redis.rpush(TOOK, time.perf_counter() - began)
        for step in list(steps):
            answer = begun[step.attempt]
            if "granted" in answer:
                redis.incr(HELD)
                closing[step.attempt] = (outcome(asked[step.attempt], answer["granted"], rng),)
            else:
                steps.remove(step)
                if "refused" in answer:
                    redis.incr(REFUSED)
                    ends.append(Completion(step, status="failed", error=REFUSAL))
    turn(name, completions=[*ends, *(Completion(step, settle=closing[step.attempt]) for step in steps)])


def neighbour(redis_url: str, list_: str, ref: tuple[str, int], seconds: float) -> None:
    """One step that holds and settles as often as it can; or is refused each time, which changes nothing."""
    redis, rng, name = Redis.from_url(redis_url), random.Random(os.getpid()), f"n/{os.getpid()}"
    (step,) = turn(name, claims=[StepRef(UUID(ref[0]), ref[1])]).claimed
    until = time.monotonic() + seconds
    settled: tuple[Settlement, ...] = ()
    took: list[float] = []
    for asked in _asks(rng):
        if time.monotonic() > until:
            break
        began = time.perf_counter()
        answer = turn(name, begins=[Begin(step, hold=asked, settle=settled)]).begun[step.attempt]
        took.append(time.perf_counter() - began)
        settled = (outcome(asked, answer["granted"], rng),) if "granted" in answer else ()
    turn(name, completions=[Completion(step, settle=settled)])
    redis.rpush(list_, *took)


def _asks(rng: random.Random) -> Iterator[HoldRequest]:
    """A step's calls are numbered by 16 bits."""
    for call in range(1, 32_000):
        yield hold(call, rng)
