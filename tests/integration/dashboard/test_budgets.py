"""Budgets: what is wrong comes first, with what to press; whose they are, what is held, and limits that can be changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.ledger import hold
from tests.support.pages import at_most, signed_in
from webapp.agent_tasks.models import Step, Task
from webapp.budgets.models import Envelope, Hold
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task

NONE_WRONG = "No budget is near its limit"


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def task(cast: Cast) -> Task:
    submission = Submission(query="What does it cost?", session="dear")
    return submit_task(principal=cast.user.principal, submission=submission)


@pytest.fixture(scope="module")
def client(cast: Cast) -> Client:
    return signed_in(cast.operator)


@pytest.fixture(scope="module")
def admin(cast: Cast) -> Client:
    return signed_in(cast.admin)


def set_envelope(task: Task, **figures: object) -> Envelope:
    """The task's own."""
    clean = {"tokens_limit": None, "tokens_spent": 0, "tokens_held": 0, "tokens_overrun": 0, "usd_limit": None}
    with tenant_scope(task.tenant_id):
        Envelope.objects.filter(owner_id=task.id).update(**{**clean, **figures})
        return Envelope.objects.get(owner_id=task.id)


@pytest.fixture
def envelope(task: Task) -> Iterator[Envelope]:
    yield set_envelope(task, tokens_limit=1000, tokens_spent=700)
    set_envelope(task)


def part(page: str, begin: str, end: str) -> str:
    return page.split(f'id="{begin}"')[1].split(f'id="{end}"')[0]


def test_each_budget_says_what_is_spent_held_left_and_billed_beyond(client: Client, task: Task) -> None:
    set_envelope(
        task, tokens_limit=1000, tokens_spent=700, tokens_held=150, tokens_overrun=50, usd_limit=Decimal(2), usd_spent=1
    )
    page = client.get("/budgets?level=task").content.decode()
    assert "700 spent, 150 held, 200 left of 1,000" in page and "$1.00 spent, $1.00 left of $2.00" in page
    assert "Billed beyond what was held: 50 tokens" in page
    set_envelope(task, usd_spent=0)


def test_budgets_are_named_by_their_owners(client: Client, cast: Cast, task: Task) -> None:
    near = client.get("/budgets").content.decode().split('id="near"')[1]
    assert near.count(">What does it cost?<") == 2, "the task's, and the session's after its first question"
    assert cast.user.user.email in near and ">Acme" in near


def test_the_nearest_to_a_limit_comes_first(client: Client, cast: Cast, task: Task) -> None:
    other = submit_task(principal=cast.user.principal, submission=Submission(query="Nearly spent", session="dear"))
    set_envelope(other, tokens_limit=1000, tokens_spent=999)
    page = client.get("/budgets?level=task").content.decode()
    rows = re.findall(r'<a href="/tasks/([^"]+)"', page.split('id="near"')[1])
    assert rows[0] == str(other.id)
    set_envelope(other)


@pytest.mark.parametrize(("spent", "wrong"), [(799, False), (800, True), (1000, True)])
def test_a_budget_near_its_limit_is_told_first_with_what_to_press(
    spent: int, wrong: bool, client: Client, admin: Client, task: Task
) -> None:
    envelope = set_envelope(task, tokens_limit=1000, tokens_spent=spent)
    for visitor in (client, admin):
        top = part(visitor.get("/budgets").content.decode(), "wrong", "whole")
        assert (NONE_WRONG not in top) == wrong == (f"{spent / 10:g} % of tokens" in top)
        assert (f"/budgets/{envelope.id}#limits" in top) == (wrong and visitor is admin)
        assert ("Ask an owner or admin" in top) == (wrong and visitor is client)
    set_envelope(task)


def test_the_budget_of_a_task_that_has_ended_asks_for_nothing(client: Client, cast: Cast) -> None:
    ended = submit_task(principal=cast.user.principal, submission=Submission(query="Ended", session="dear"))
    set_envelope(ended, tokens_limit=1000, tokens_spent=999)
    assert NONE_WRONG not in client.get("/budgets").content.decode()
    with tenant_scope(cast.acme.id):
        Task.objects.filter(id=ended.id).update(state="completed", finished_at=datetime.now(UTC))
    assert NONE_WRONG in client.get("/budgets").content.decode()


def test_a_call_that_was_refused_is_told_with_the_budget_that_refused_it(client: Client, cast: Cast) -> None:
    refused = submit_task(principal=cast.user.principal, submission=Submission(query="Too dear", session="dear"))
    at = datetime.now(UTC)
    error = {"code": "budget.exceeded", "message": "The session budget is used up"}
    with tenant_scope(cast.acme.id):
        Step.objects.filter(task=refused, n=1).update(state="running")
        Step.objects.filter(task=refused, n=1).update(state="failed", error=error, finished_at=at, due=None)
        Task.objects.filter(id=refused.id).update(state="failed", finished_at=at)
    top = part(client.get("/budgets").content.decode(), "wrong", "whole")
    assert f"/tasks/{refused.id}?step=1" in top and "The session budget is used up" in top and "Too dear" in top
    assert "used up" not in signed_in(cast.stranger).get("/budgets").content.decode()
    with tenant_scope(cast.acme.id):
        Task.objects.filter(id=refused.id).update(finished_at=at - timedelta(days=2))
    assert NONE_WRONG in client.get("/budgets").content.decode()


def test_an_open_hold_shows_its_age_step_and_task(client: Client, task: Task) -> None:
    held = hold(task, 7, state="open", agent="analyst", created_at=datetime.now(UTC) - timedelta(minutes=3))
    try:
        page = client.get("/budgets?by=agent").content.decode()
    finally:  # no envelope holds it: the engine's sweep must never meet it
        with tenant_scope(task.tenant_id):
            held.delete()
    table = part(page, "open", "near")
    assert "3 min" in table and "step 7 · analyst" in table and "What does it cost?" in table
    assert "analyst" in part(page, "sums", "open"), "what is held now is with its group"


def test_spending_is_summed_and_burns_down_on_the_page(client: Client, cast: Cast, task: Task) -> None:
    at = datetime.now(UTC)
    for n in range(3):
        hold(task, 20 + n, prompt_tokens=1000, usd=Decimal("1.25"), agent="writer", created_at=at - timedelta(days=n))
    with tenant_scope(cast.acme.id):
        Envelope.objects.filter(level="tenant").update(usd_limit=10, usd_spent=Decimal("3.75"))
    page = client.get("/budgets?by=agent&unit=usd").content.decode()
    sums, burn = part(page, "sums", "open"), part(page, "whole", "sums")
    assert "writer" in sums and sums.count("$3.75") == 2, "the group's, and all together"
    assert 'class="took"' in burn and 'class="ahead"' in burn and "the limit is reached on" in burn
    assert "$6.25 left of $10.00" in burn and burn.count("<td>2") == 30, "a table with a row for each day"
    with tenant_scope(cast.acme.id):
        Envelope.objects.filter(level="tenant").update(usd_limit=None, usd_spent=0)
        Hold.objects.filter(task=task).delete()


def test_a_limit_is_changed_in_place(admin: Client, cast: Cast, envelope: Envelope) -> None:
    page = admin.get(f"/budgets/{envelope.id}").content.decode()
    assert 'name="tokens_limit"' in page and 'value="1000"' in page and "At least 700," in page
    answer = admin.post(f"/budgets/{envelope.id}/limits", {"tokens_limit": "2000", "usd_limit": ""}, follow=True)
    assert answer.redirect_chain == [(f"/budgets/{envelope.id}", 302)]
    assert "700 spent, 1,300 left of 2,000" in answer.content.decode()
    admin.post(f"/budgets/{envelope.id}/limits", {"tokens_limit": "", "usd_limit": "1.50"})
    with tenant_scope(cast.acme.id):
        envelope.refresh_from_db()
    assert (envelope.tokens_limit, envelope.usd_limit) == (None, Decimal("1.5"))
    assert 'value="1.5"' in admin.get(f"/budgets/{envelope.id}").content.decode()


@pytest.mark.parametrize(
    ("typed", "status", "said"), [("699", 409, "700 is already spent or held"), ("1.5", 400, "Must be a whole number")]
)
def test_a_refused_limit_stays_in_its_field_with_the_reason_beside_it(
    typed: str, status: int, said: str, admin: Client, cast: Cast, envelope: Envelope
) -> None:
    answer = admin.post(f"/budgets/{envelope.id}/limits", {"tokens_limit": typed, "usd_limit": "3"})
    page = answer.content.decode()
    assert answer.status_code == status and f'value="{typed}"' in page and 'value="3"' in page
    beside = page.split('data-error="tokens_limit"')[1].split("</p>")[0]
    assert said in beside and 'data-error="usd_limit"></p>' in page
    with tenant_scope(cast.acme.id):
        envelope.refresh_from_db()
    assert (envelope.tokens_limit, envelope.usd_limit) == (1000, None)


@pytest.fixture
def no_days(cast: Cast, task: Task) -> Iterator[None]:
    yield
    with tenant_scope(cast.acme.id):
        Task.objects.filter(id=task.id).update(envelopes=task.envelopes)
        Envelope.objects.exclude(period="total").delete()


@pytest.mark.usefixtures("no_days")
def test_a_day_is_limited_on_the_page_and_named_wherever_its_budget_is(admin: Client, cast: Cast, task: Task) -> None:
    before = admin.get("/budgets").content.decode()
    assert 'action="/budgets"' in before and "today" not in before
    said = {
        "level": "session",
        "owner": "dear",
        "period": "day",
        "tokens_limit": "500",
        "seconds_limit": "60",
        "alert_percent": "70",
    }
    answer = admin.post("/budgets", said, follow=True)
    page, end = answer.content.decode(), f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d} 00:00"
    assert re.search(r"<h1>Budget of session [^<]*, today</h1>", page) and f"begins anew at {end} UTC" in page
    assert "0 spent, 500 left of 500" in page and 'name="alert_percent"' in page and 'value="70"' in page
    near = admin.get("/budgets?level=session").content.decode().split('id="near"')[1]
    assert f"session, today, until {end} UTC" in near
    admin.post("/budgets", said | {"tokens_limit": "0", "seconds_limit": ""})
    top = part(admin.get("/budgets").content.decode(), "wrong", "whole")
    assert f"session, today, until {end} UTC" in top and "100 % of tokens" in top
    with tenant_scope(cast.acme.id):
        day = Envelope.objects.get(period="day")
    assert (day.tokens_limit, day.seconds_limit, day.usd_limit, day.alert_percent) == (0, 60, None, 70)


@pytest.mark.usefixtures("no_days")
@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"owner": "nobody@example.com"}, "owner", "Is no user of yours"), ({"owner": ""}, "owner", "Must name the user"),
        ({"owner": "a\0b"}, "owner", "Is no user"), ({"level": "agent"}, "level", "Must be one of"),
        ({"period": "week"}, "period", "Must be one of"), ({"tokens_limit": "many"}, "tokens_limit", "whole number"),
        ({"fuel_limit": "-1"}, "fuel_limit", "whole number"), ({"alert_percent": "101"}, "alert_percent", "from 1 to 100"),
        ({"tokens_limit": "", "fuel_limit": ""}, "tokens_limit", "Name a limit"),
    ],
)  # fmt: skip
def test_a_refused_budget_stays_in_the_form_with_the_reason_beside_its_field(
    change: dict[str, str], field: str, said: str, admin: Client, cast: Cast
) -> None:
    typed = {"level": "user", "owner": cast.user.user.email, "period": "month", "tokens_limit": "5", "fuel_limit": "77"}
    answer = admin.post("/budgets", typed | change)
    page = answer.content.decode()
    assert answer.status_code == 400 and said in page.split(f'data-error="{field}"')[1].split("</p>")[0]
    assert '<details class="card" open>' in page and ("fuel_limit" in change or 'value="77"' in page)
    with tenant_scope(cast.acme.id):
        assert not Envelope.objects.exclude(period="total").exists()


def test_a_tenant_may_be_limited_before_its_first_task(cast: Cast) -> None:
    stranger = signed_in(cast.stranger)
    stranger.post("/budgets", {"level": "tenant", "owner": "", "period": "month", "usd_limit": "20"})
    assert "tenant, this month, until" in stranger.get("/budgets").content.decode()
    with tenant_scope(cast.globex.id):
        Envelope.objects.all().delete()


def test_the_part_to_be_told_at_is_changed_on_the_budgets_page(admin: Client, cast: Cast, envelope: Envelope) -> None:
    admin.post(f"/budgets/{envelope.id}/limits", {"alert_percent": "65"})
    with tenant_scope(cast.acme.id):
        envelope.refresh_from_db()
    assert (envelope.alert_percent, envelope.tokens_limit) == (65, 1000)
    answer = admin.post(f"/budgets/{envelope.id}/limits", {"alert_percent": "0"})
    beside = answer.content.decode().split('data-error="alert_percent"')[1].split("</p>")[0]
    assert answer.status_code == 400 and "from 1 to 100" in beside


def test_limits_can_not_be_changed_from_another_site(cast: Cast, envelope: Envelope) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(cast.admin).cookies
    answer = strict.post(f"/budgets/{envelope.id}/limits", {"tokens_limit": "", "usd_limit": ""})
    assert answer.status_code == 403
    assert strict.post("/budgets", {"level": "tenant", "period": "day", "tokens_limit": "1"}).status_code == 403
    assert strict.post("/budgets/verify").status_code == 403


def test_operators_see_their_tenants_budgets_and_a_user_sees_none(cast: Cast, task: Task, envelope: Envelope) -> None:
    stranger, operator, user = signed_in(cast.stranger), signed_in(cast.operator), signed_in(cast.user)
    page = stranger.get("/budgets").content.decode()
    assert str(task.id) not in page and "What does it cost?" not in page and "Try the example" in page
    assert stranger.get(f"/budgets/{envelope.id}").status_code == 404
    assert stranger.post(f"/budgets/{envelope.id}/limits", {"tokens_limit": ""}).status_code == 404
    assert 'name="tokens_limit"' not in operator.get(f"/budgets/{envelope.id}").content.decode()
    assert operator.post(f"/budgets/{envelope.id}/limits", {"tokens_limit": ""}).status_code == 403
    assert "Limit a day" not in operator.get("/budgets").content.decode()
    assert operator.post("/budgets", {"level": "tenant", "period": "day", "tokens_limit": "1"}).status_code == 403
    for path in ("", "/ledger", "/ledger.csv", "/savings", "/verify", f"/{envelope.id}"):
        assert user.get(f"/budgets{path}").status_code == 403


@pytest.mark.parametrize("odd", ["level=odd", "days=1000", "by=odd", "unit=odd", "by=%00", "days=%E2%80%AE"])
def test_an_odd_address_shows_the_usual_page(odd: str, client: Client, task: Task) -> None:
    assert client.get(f"/budgets?{odd}").status_code == 200


def test_the_pages_cost_few_queries_however_much_there_is(client: Client, task: Task, envelope: Envelope) -> None:
    for n in range(30):
        hold(task, 300 + n, agent=f"agent {n}")
    for path in ("?by=session", "?by=user", "/ledger", "/savings", f"/{envelope.id}"):
        with at_most(17):  # two more than by model: the names, and the sums of all groups
            assert client.get(f"/budgets{path}").status_code == 200
