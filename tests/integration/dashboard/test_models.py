"""Models: what the catalogue has, what the ledger says of the calls, what is frozen; on the page and at a terminal."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.support.cast import Cast, make_cast, operate_platform
from tests.support.pages import at_most, signed_in
from webapp.agent_tasks.models import Task
from webapp.budgets.models import Hold
from webapp.catalogue import snapshots
from webapp.catalogue.models import CatalogueSnapshot
from webapp.catalogue.provider_keys import set_key
from webapp.common.breakers import BREAKERS
from webapp.common.tenancy import tenant_scope
from webapp.orchestration import dispatch
from webapp.orchestration.freezes import freeze
from webapp.orchestration.model_status import SPANS, ModelStatus, model_status
from webapp.orchestration.submit import Submission, submit_task


def provider(name: str, configured: bool, *models: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "local": False, "configured": configured, "models": list(models)}


def model(name: str, **more: Any) -> dict[str, Any]:
    price = {"input": "2.5", "output": "10"}
    base = {"model": name, "tiers": {"small": 1}, "price": price, "context_tokens": 128_000, "capabilities": ["tools"]}
    return {**base, **more}


LISTING = {
    "revision": "of-the-tests",
    "shares": {"small": 50, "medium": 40, "large": 10},
    "providers": [
        provider("openai", True, model("gpt-a"), model("gpt-b", price=None)),
        provider("groq", False, model("fast-1")),
        provider("mistral", False, model("m-1")),
    ],
}
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def cast() -> Iterator[Cast]:
    """Acme has calls, a key of its own and a frozen model; Globex has nothing."""
    cast = make_cast()
    snapshots.tell(revision="of-the-tests", body=LISTING, tools={}, worker="llm@tests")
    task = submit_task(principal=cast.owner.principal, submission=Submission(query="Which model?"))
    with tenant_scope(cast.acme.id):
        for number in range(8):
            call(task, number, took_s=1 + number, tier="small" if number < 6 else "large")
        call(task, 8, took_s=60, error="model.timeout", tier="medium", worst_case=True)
        call(task, 9, took_s=0, error="model.network", state="released")
        call(task, 10, took_s=0, state="released")  # was never sent: a freeze, a budget
        call(task, 11, state="open")
        call(task, 12, took_s=9, before=timedelta(hours=5), provider="gone")
        set_key(actor=cast.owner.user, provider="groq", key="sk-of-acme-for-groq-0000")
        freeze(actor=cast.owner.user, kind="model", subject="openai/gpt-a", reason="a test")
    yield cast
    CatalogueSnapshot.objects.filter(id=1).update(revision="", body={"revision": "", "providers": [], "shares": {}})


def call(
    task: Task, number: int, *, took_s: float | None = None, before: timedelta = timedelta(minutes=5), **more: Any
) -> None:
    began = NOW - before
    told = {"provider": "openai", "model": "gpt-a", "state": "settled", "purpose": "turn", "held_tokens": 100} | more
    spent = {"prompt_tokens": 10, "completion_tokens": 5, "usd": Decimal("0.01")} if told["state"] == "settled" else {}
    closed = None if took_s is None else began + timedelta(seconds=took_s)
    Hold.objects.create(
        tenant_id=task.tenant_id,
        task_id=task.id,
        step=number,
        fence=1,
        created_at=began,
        closed_at=closed,
        **spent,
        **told,
    )


@pytest.fixture(scope="module")
def owner(cast: Cast) -> Client:
    return signed_in(cast.owner)


def status(cast: Cast, since: str = "1h") -> ModelStatus:
    with tenant_scope(cast.acme.id):
        return model_status(cast.acme.id, SPANS[since])


def test_calls_are_counted_from_the_ledger_with_their_times_and_costs(cast: Cast) -> None:
    openai = next(p for p in status(cast).providers if p.name == "openai")
    assert (openai.calls.number, openai.calls.succeeded) == (10, 8), "what was never sent is no call"
    assert openai.calls.success_rate == 0.8
    assert openai.calls.p50_s == pytest.approx(4.5) and openai.calls.p95_s == pytest.approx(7.65)
    assert openai.calls.tokens == 9 * 15 and openai.calls.usd == Decimal("0.09")


def test_shares_of_the_tiers_stand_beside_what_they_are_meant_to_be(cast: Cast) -> None:
    shares = {share.name: (share.calls, share.target) for share in status(cast).shares}
    assert shares == {"small": (6, 0.5), "medium": (1, 0.4), "large": (2, 0.1)}
    assert sum(share.share for share in status(cast).shares) == pytest.approx(1)


def test_the_time_is_chosen_and_what_the_catalogue_lost_is_still_shown(cast: Cast) -> None:
    assert "gone" not in [p.name for p in status(cast, "1h").providers]
    gone = next(p for p in status(cast, "24h").providers if p.name == "gone")
    assert gone.calls.number == 1 and not gone.usable and not gone.models


def test_the_page_shows_state_figures_and_models(owner: Client) -> None:
    with at_most(15):
        page = owner.get("/models?since=1h").content.decode()
    for told in (
        "gpt-a",
        "fast-1",
        "own key",
        "1 frozen",
        "80 %",
        "4.5 s",
        "no price: not called",
        "$0.0900",
        "128,000",
    ):
        assert told in page, told
    assert page.index("<strong>openai") < page.index("<strong>groq"), "the most called first"
    assert "<strong>mistral" not in page and "m-1" in page, "without a key it stands apart"
    for odd in ("since=x", "since=%00", "since="):
        assert owner.get(f"/models?{odd}").status_code == 200


def test_the_figures_can_be_fetched_alone(owner: Client) -> None:
    part = owner.get("/models", headers={"HX-Request": "true"}).content.decode()
    assert "Calls by tier" in part and "<html" not in part


def test_the_breakers_are_for_those_who_operate_the_platform(cast: Cast, owner: Client) -> None:
    kept = {
        "state": "open",
        "failures": 5,
        "till": time.time() + 899,
        "generation": NOW.timestamp(),
        "error": "model.timeout",
        "probes": 1,
    }
    dispatch.redis().hset(BREAKERS, "openai", json.dumps(kept))
    try:
        assert "probe in" not in owner.get("/models").content.decode()
        operate_platform(cast.acme)
        page = signed_in(cast.operator).get("/models").content.decode()
        assert page.count("probe in 15 min") == 1 and "model.timeout" in page
    finally:
        dispatch.redis().hdel(BREAKERS, "openai")
        operate_platform(cast.acme, False)


def test_another_tenant_sees_the_catalogue_and_none_of_our_figures(cast: Cast) -> None:
    page = signed_in(cast.stranger).get("/models").content.decode()
    assert "gpt-a" in page and "No call in this time" in page
    assert "own key" not in page and "1 frozen" not in page and "$0.09" not in page


def test_before_a_worker_has_told_anything_the_page_says_so(cast: Cast) -> None:
    CatalogueSnapshot.objects.filter(id=1).update(revision="", body={"revision": "", "providers": [], "shares": {}})
    try:
        page = signed_in(cast.stranger).get("/models").content.decode()
    finally:
        snapshots.tell(revision="of-the-tests", body=LISTING, tools={}, worker="llm@tests")
    assert "No worker has told its catalogue yet" in page


def test_the_command_and_the_api_say_the_same(cast: Cast) -> None:
    said = io.StringIO()
    call_command("models", "--as", cast.owner.user.email, "--since", "1h", stdout=said)
    assert (
        "80.0%" in said.getvalue() and "configured, frozen" in said.getvalue() and "meant to be 40%" in said.getvalue()
    )
    told = io.StringIO()
    call_command("models", "--as", cast.owner.user.email, "--since", "1h", "--json", stdout=told)
    first = json.loads(told.getvalue())["providers"][0]
    assert (first["name"], first["calls"]["number"], first["frozen"]) == ("openai", 10, ["gpt-a"])
    key = {"X-API-Key": cast.owner.api_key}
    over_http = Client().get("/api/v1/models-status?since=1h", headers=key)
    assert over_http.json() == {"since": "1h", **json.loads(told.getvalue())}
    assert Client().get("/api/v1/models-status?since=x", headers=key).status_code == 400
    with pytest.raises(CommandError, match="not found"):
        call_command("models", "--as", "nobody@example.com")
