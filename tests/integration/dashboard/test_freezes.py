"""Freezes on the pages and over the API: who may, what waits and why, and that it goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.support.cast import Cast, Person, make_cast
from tests.support.driven import Driven, turn
from tests.support.pages import at_most, signed_in
from webapp.audit.models import AuditEntry
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze
from webapp.orchestration.freezes import thaw
from webapp.orchestration.steps import Begin, HoldRequest, StepRef
from webapp.tenants.services import issue_key

ASKED = {"kind": "agent", "subject": "a", "reason": "it raves"}


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def _all_thawed(cast: Cast) -> Iterator[None]:
    yield
    with tenant_scope(cast.acme.id):
        thaw(actor=cast.owner.user, frozen=list(Freeze.objects.filter(thawed_at=None)))


def waiting(cast: Cast) -> Driven:
    """Of its two agents one is frozen, and has been looked for."""
    run = Driven(cast.owner, {"id": "a"}, {"id": "b"}).planned()
    turn(claims=[StepRef(run.task.id, run.step(name).n) for name in "ab"])
    return run


def call(person: Person | str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    key = person if isinstance(person, str) else person.api_key
    text = "" if body is None else json.dumps(body)
    answer: HttpResponse = Client().generic(method, path, text, "application/json", headers={"X-API-Key": key})  # type: ignore[assignment]
    return answer.status_code, json.loads(answer.content)


def test_an_operator_freezes_and_thaws_over_the_api(cast: Cast) -> None:
    status, made = call(cast.operator, "POST", "/api/v1/freezes", ASKED)
    assert status == 201 and made["frozen_by"] == cast.operator.user.email and {**made, **ASKED} == made
    run = waiting(cast)
    status, listed = call(cast.operator, "GET", "/api/v1/freezes")
    assert status == 200 and listed == {"freezes": [{**made, "waiting_steps": 1}], "count": 1}
    steps = {step["agent"]: step for step in call(cast.owner, "GET", f"/api/v1/tasks/{run.task.id}/steps")[1]["steps"]}
    assert re.fullmatch(
        rf"Frozen: agent a, by {cast.operator.user.email} since [-\d]+ [\d:]+ UTC: it raves", steps["a"]["why"]
    )
    assert steps["b"]["why"] is None and steps["editor"]["why"] == "waits for 2 steps before it"
    thawing = f"/api/v1/freezes/{made['id']}/thaw"
    assert call(cast.admin, "POST", thawing)[1]["success"] and run.step("a").state == "ready"
    status, again = call(cast.operator, "POST", thawing)
    assert status == 200 and not again["success"]
    assert call(cast.operator, "GET", "/api/v1/freezes")[1] == {"freezes": [], "count": 0}
    with tenant_scope(cast.acme.id):
        kept = list(AuditEntry.objects.order_by("id").values_list("action", "subject", "actor_email"))[-2:]
    assert kept == [
        ("freeze.set", "agent a", cast.operator.user.email), ("freeze.thawed", "agent a", cast.admin.user.email),
    ]  # fmt: skip


def test_nobody_else_may(cast: Cast) -> None:
    made = call(cast.operator, "POST", "/api/v1/freezes", ASKED)[1]
    thawing = f"/api/v1/freezes/{made['id']}/thaw"
    assert call(cast.user, "GET", "/api/v1/freezes")[0] == 403
    assert call(cast.user, "POST", "/api/v1/freezes", ASKED)[0] == 403
    assert call(cast.user, "POST", thawing)[0] == 403
    only_reads = issue_key(user=cast.operator.user, name="reads", scopes=frozenset({"policies:read"})).secret
    assert call(only_reads, "GET", "/api/v1/freezes")[0] == 200 and call(only_reads, "POST", thawing)[0] == 403
    assert call(cast.stranger, "POST", thawing)[0] == 404
    assert call(cast.stranger, "GET", "/api/v1/freezes")[1]["count"] == 0
    for odd in ("0", "9" * 30, "x", "-1"):
        assert call(cast.operator, "POST", f"/api/v1/freezes/{odd}/thaw")[0] == 404
    with tenant_scope(cast.acme.id):
        assert Freeze.objects.get(id=made["id"]).thawed_at is None


@pytest.mark.parametrize(
    "body", [[], {}, {**ASKED, "kind": ["agent"]}, {**ASKED, "subject": None}, {**ASKED, "reason": 1}]
)
def test_an_odd_request_is_refused(body: Any, cast: Cast) -> None:
    status, answer = call(cast.operator, "POST", "/api/v1/freezes", body)
    assert status == 400 and answer["code"] == "invalid"


def test_the_pages_say_what_is_frozen_and_why_a_step_waits(cast: Cast) -> None:
    operator = signed_in(cast.operator)
    made = operator.post("/freezes", ASKED, follow=True).content.decode()
    assert "Frozen: agent a." in made
    run = waiting(cast)
    n = run.step("a").n
    why = f"Frozen: agent a, by {cast.operator.user.email} since "
    for path in (f"/tasks/{run.task.id}", f"/tasks/{run.task.id}/steps/{n}", "/"):
        text = unescape(operator.get(path).content.decode())
        assert why in text and "it raves" in text, path
        assert f"It {why}" not in text and "retries in" not in text
    assert '<span class="badge wait">frozen</span>' in operator.get("/").content.decode()
    with at_most(12):
        listed = operator.get("/freezes").content.decode()
    assert '<td class="number" data-label="waiting steps">1</td>' in listed
    thawing = re.search(r'action="(/freezes/\d+/thaw)"', listed)
    assert thawing and "What waited for it goes on" in operator.post(thawing[1], follow=True).content.decode()
    assert "It was thawed before" in operator.post(thawing[1], follow=True).content.decode()
    assert run.step("a").state == "ready" and why not in unescape(operator.get("/").content.decode())


def test_a_form_that_says_nothing_comes_back_with_what_was_typed(cast: Cast) -> None:
    answer = signed_in(cast.operator).post("/freezes", {**ASKED, "subject": " "})
    text = answer.content.decode()
    assert answer.status_code == 400 and "Must be the agent&#x27;s name" in text and 'value="it raves"' in text


def test_an_attempt_that_a_freeze_ended_is_shown_as_one(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    held = run.claim("a")
    call(cast.operator, "POST", "/api/v1/freezes", {"kind": "model", "subject": "p/m", "reason": "its prices"})
    turn(begins=[Begin(held, hold=HoldRequest("turn", "p", "m", 1, 1, 1, 0, 0))])  # type: ignore[arg-type]
    text = unescape(signed_in(cast.owner).get(f"/tasks/{run.task.id}/steps/{held.n}").content.decode())
    assert '<span class="badge wait">given up</span>' in text and text.count(": its prices") == 2
