"""The workers' application with steps that do nothing, or wait: what is measured is the engine around them."""

from __future__ import annotations

import asyncio
import os
import time
from decimal import Decimal
from pathlib import Path

from policies import inputs
from tests.support.marker import append
from webapp.orchestration.steps import ClaimedStep, Completion, HoldRequest, Settlement
from workers.app import app
from workers.beats import Beats
from workers.context import TaskContext
from workers.gate import Call, pass_gate
from workers.policy_inputs import principal_of, task_of
from workers.process import handles

__all__ = ["app"]

TASK = TaskContext(query="", mode="simple", complexity=0.0, context={}, attachments=[], files=(), steps=7)
USAGE = {"prompt_tokens": 5, "completion_tokens": 5, "cached_tokens": 0, "usd": "0"}


@handles("control.governed")
async def governed(step: ClaimedStep, beats: Beats) -> Completion:
    """Decided by the policy, held, recorded, settled; between them nothing."""
    tool = inputs.tool(name="noop", effect="computes", dangerous=False, permissions=[], arguments={})
    call = Call(
        point="tool_call",
        subject="noop",
        policy_input=dict(inputs.tool_call(principal=principal_of(step), task=task_of(step, TASK), tool=tool)),
        timeout_s=30,
        send=_nothing,
        hold=HoldRequest("turn", "offline", "rules", 5, 5, 1, Decimal(0), Decimal(0)),
    )
    await pass_gate(call, beats)
    beats.settle(Settlement(sent=True, usage=USAGE))
    return Completion(step, output={"text": ""})


async def _nothing(_granted: int) -> None:
    return None


@handles("control.bare")
async def bare(step: ClaimedStep, beats: Beats) -> Completion:
    """Without policy and budget: what those two cost is the difference."""
    return Completion(step, output={"text": ""})


@handles("control.sleep")
async def sleep(step: ClaimedStep, beats: Beats) -> Completion:
    await asyncio.sleep(step.input["seconds"])
    return Completion(step, output={"text": ""})


@handles("control.tick")
async def tick(step: ClaimedStep, beats: Beats) -> Completion:
    """Leaves marks until it is stopped."""
    log = Path(os.environ["HARTLEY_TICK_LOG"])
    while True:
        append(log, {"task_id": str(step.task), "step": step.n, "at": time.time()})
        await asyncio.sleep(0.05)
