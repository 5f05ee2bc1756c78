"""A step's output has a limit, whoever made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from tests.support.claimed import claimed
from webapp.orchestration.steps import ClaimedStep, Completion, Settlement
from workers.beats import Beats
from workers.runner import Runner
from workers.step_events import StepEvents

LIMIT = 1000
PAID = Settlement(sent=True, usage={"prompt_tokens": 1})


@pytest.fixture
def runner() -> Iterator[Runner]:
    found = Runner(
        slot="w",
        queues=["llm"],
        slots=1,
        lease_s=15,
        hint_s=10,
        gap_s=0,
        sweep_s=5,
        attempts=5,
        output_bytes=LIMIT,
        handlers={},
        admit=lambda _tenants: [],
        events=StepEvents(Celery("nowhere"), "w"),
    )
    yield found
    found.loop.close()


def performed(runner: Runner, output: Any) -> Completion:
    async def brings(step: ClaimedStep, beats: Beats) -> Completion:
        beats.settle(PAID)
        return Completion(step, output=output)

    async def nowhere(_item: Any) -> dict[str, Any]:
        return {}

    runner._handlers["llm.turn"] = brings  # type: ignore[index]
    completion = runner.loop.run_until_complete(runner._perform(claimed(), Beats(claimed(), nowhere)))
    assert completion
    return completion


def test_an_output_within_the_limit_passes(runner: Runner) -> None:
    assert performed(runner, {"text": "x" * (LIMIT - 12)}).status == "done"


def test_an_output_beyond_it_fails_the_step_and_is_paid(runner: Runner) -> None:
    refused = performed(runner, {"text": "x" * LIMIT})
    assert refused.status == "failed" and refused.output is None and refused.settle == (PAID,)
    assert refused.error == {
        "code": "step.output_too_large",
        "message": f"The step's output has {LIMIT + 12} bytes as JSON; the limit is {LIMIT}",
    }


@pytest.mark.parametrize(("odd", "why"), [(object(), "object is not JSON"), (float("nan"), "not JSON compliant")])
def test_an_output_that_is_no_json_fails_the_step_and_is_paid(odd: object, why: str, runner: Runner) -> None:
    refused = performed(runner, {"text": odd})
    assert (refused.status, refused.output, refused.settle) == ("failed", None, (PAID,))
    assert refused.error and refused.error["code"] == "step.output_rejected" and why in refused.error["message"]
