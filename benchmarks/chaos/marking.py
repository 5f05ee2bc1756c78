"""
What the bench's workers have besides: a kind of step whose effect is a mark, and faults of their own.

`control.mark` leaves a mark, sleeps and is done; a paid one does so behind the gate. Told by its environment, the
process sends unreliable hints and lives in another time.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from celery.worker import request

from benchmarks.chaos import hints
from benchmarks.chaos.witnesses import leave_mark, note
from policies import inputs
from webapp.orchestration import engine
from webapp.orchestration.engine import TurnResult
from webapp.orchestration.steps import ClaimedStep, Completion, HoldRequest, Settlement
from workers import context
from workers.beats import Beats
from workers.gate import Call, pass_gate
from workers.policy_inputs import principal_of, task_of
from workers.process import handles

HINTS = "HARTLEY_CHAOS_HINTS"  # a seed: hints are dropped, doubled and delayed
CLOCK = "HARTLEY_CHAOS_CLOCK_S"  # added to the time of day
PROVIDER, MODEL = "chaos", "marker"
PRICE = Decimal("0.000001")


@handles("control.mark")
async def mark(step: ClaimedStep, beats: Beats) -> Completion:
    if not step.input["paid"]:
        await _act(step)
        return Completion(step, output={"text": "marked"})
    await _behind_the_gate(step, beats)
    usage = {"prompt_tokens": 90, "completion_tokens": step.n, "cached_tokens": 0, "usd": str((90 + step.n) * PRICE)}
    beats.settle(Settlement(sent=True, usage=usage))
    return Completion(step, output={"text": "marked"})


async def _act(step: ClaimedStep) -> None:
    leave_mark(task=step.task, step=step.n, attempt=step.fence, at=time.time())
    await asyncio.sleep(step.input["sleep_s"])


async def _behind_the_gate(step: ClaimedStep, beats: Beats) -> None:
    task = await context.read(step, context.task_context)
    asked = inputs.model_call(
        principal=principal_of(step),
        task=task_of(step, task),
        provider=PROVIDER,
        model=MODEL,
        tier="small",
        max_tokens=200,
        worst_usd=0.001,
    )
    hold = HoldRequest("mark", PROVIDER, MODEL, 100, 200, 16, PRICE, PRICE)
    call = Call(
        point="model_call",
        subject=f"{PROVIDER}/{MODEL}",
        policy_input=dict(asked),
        timeout_s=60,
        send=lambda _granted: _act(step),
        hold=hold,
    )
    await pass_gate(call, beats)


def _watch_turns() -> None:
    """Count what the engine refuses: completions that came too late."""
    turn = engine.turn

    def watched(**said: Any) -> TurnResult:
        result = turn(**said)
        if result.stale:
            note(stale=len(result.stale))
        return result

    engine.turn = watched


def _shift_clock(by_s: float) -> None:
    """Where a worker asks for the time of day: time.time(), and Celery for messages that expire."""
    true_time = time.time

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=by_s)

    time.time = lambda: true_time() + by_s
    request.datetime = Shifted


_watch_turns()
if os.environ.get(HINTS):
    hints.distrust(f"{os.environ[HINTS]} {' '.join(sys.argv)}")
if os.environ.get(CLOCK):
    _shift_clock(float(os.environ[CLOCK]))
