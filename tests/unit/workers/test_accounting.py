"""What a call tells of its model, what a stopped one owes, what a failed step says and a replay repeats."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.claimed import claimed
from webapp.agent_tasks.models import Step
from webapp.orchestration.steps import Completion, Granted
from workers import embed_call, model_call
from workers.beats import Beats
from workers.context import alone
from workers.embed_call import embed_texts
from workers.gateway.errors import ModelError, ModelOverloaded, ModelRateLimited, ModelReplyInvalid
from workers.gateway.statistics import LiveStatistics
from workers.gateway.types import EmbedRequest, ModelChoice, ModelRequest, Price
from workers.replay import RecordedFailure, ReplayBeats
from workers.runner import Runner

CHOICE = ModelChoice("p", "m", "small", Price(Decimal(0), Decimal(0)), 100)
REQUEST = ModelRequest(purpose="turn", provider="p", model="m", messages=[], query="")


async def nowhere(_item: Any) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("error", "failures"),
    [
        (ModelOverloaded("x", sent=True), 1),
        (ModelReplyInvalid("x", sent=True), 0),
        (ModelRateLimited("x", sent=False), 0),
    ],
)
async def test_only_an_outage_counts_against_a_model(
    monkeypatch: pytest.MonkeyPatch, error: ModelError, failures: int
) -> None:
    """An answer that its caller's schema refuses would else lower the tiers of all tenants."""

    async def complete(_request: ModelRequest) -> None:
        raise error

    seen = LiveStatistics(lambda: 0.0)
    given = SimpleNamespace(statistics=seen, gateway=SimpleNamespace(complete=complete))
    monkeypatch.setattr(model_call, "services", lambda: given)
    asking = SimpleNamespace(_beats=Beats(claimed(), nowhere), _race=SimpleNamespace(asked=lambda: None))
    with pytest.raises(ModelError):
        await model_call._Asking._watched(asking, CHOICE, REQUEST, 1)  # type: ignore[arg-type]
    assert seen.of("p", "m").failures == failures and seen.of("p", "m").in_flight == 0


def test_a_failure_tells_when_the_provider_wants_to_be_asked_again() -> None:
    told: Completion = Runner._failure(
        SimpleNamespace(),  # type: ignore[arg-type]
        claimed(),
        ModelRateLimited("full", sent=False, retry_after_s=7.0),
        Beats(claimed(), nowhere),
    )
    assert told.error == {"code": "model.rate_limited", "message": "full", "retry_after_s": 7.0}


async def test_a_replay_of_a_step_whose_models_all_failed_fails_as_it_did() -> None:
    past = Step(n=1, kind="llm.turn", queue="llm", state="failed", error={"code": "model.timeout", "message": "slow"})
    beats = ReplayBeats(claimed(), past, ["p/a", "p/b"])
    assert list(beats.candidates(["p/c", "p/b", "p/a"], str)) == ["p/a", "p/b"]
    for asked in ("p/a", "p/b"):
        with pytest.raises(RecordedFailure) as failed:
            await beats.outside(nowhere, Granted(), asked)
        assert (failed.value.code, failed.value.elsewhere) == ("model.timeout", True)


async def test_texts_that_wait_for_their_turn_owe_nothing_when_they_are_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The provider's rate may keep them for half of the call's time."""

    async def embed(request: EmbedRequest) -> None:
        owed.append(beats.settlements[0].sent)
        assert request.on_sending
        request.on_sending()
        owed.append(beats.settlements[0].sent)
        raise ModelRateLimited("x", sent=False)

    async def granted(_item: Any) -> dict[str, Any]:
        return {"granted": 0, "seconds": 0, "fuel": 0}

    async def passed(call: Any, line: Beats) -> Any:
        await line.begin(hold=call.hold)
        line.sending(call.hold.call)  # as the gate does before each call
        return await call.send(Granted())

    owed: list[bool] = []
    beats = Beats(replace(claimed(), kind="llm.embed", input={"texts": ["a"]}), granted)
    request = EmbedRequest("p", "m", ["a"])
    monkeypatch.setattr(embed_call, "pass_gate", passed)
    monkeypatch.setattr(embed_call, "embed_policy_input", lambda *_: {})
    with pytest.raises(ModelRateLimited):
        await embed_texts(beats.step, beats, alone("a"), CHOICE, request, number=beats.next_call(), send=embed)
    assert owed == [False, True]
