"""What is said to the writer, and what a stopped attempt owes."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tests.support.claimed import claimed
from webapp.common.values import JSON
from webapp.orchestration.steps import Begin, Completion, HoldRequest, Settlement
from workers.beats import Beats

HOLD = HoldRequest("turn", "p", "m", 1, 1, 1, Decimal(0), Decimal(0))


async def test_an_attempt_stopped_before_its_hold_is_answered_owes_nothing() -> None:
    """The hold may be committed all the same: it is closed as not sent."""

    async def never(_item: Begin | Completion) -> JSON:
        return await asyncio.Future()

    beats = Beats(claimed(), never)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await beats.begin(hold=HOLD)
    assert beats.settlements == (Settlement(sent=False),)
