"""Quotes from a tenant's own history; a task above its ceiling waits, and can't cost more than that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test import Client

from tests.support.cast import Cast, Person, make_cast
from tests.support.driven import claim, events, fresh, turn
from tests.support.pages import at_most, signed_in
from webapp.agent_tasks.history import LIKE
from webapp.agent_tasks.models import Task
from webapp.budgets.models import Envelope
from webapp.catalogue import prices
from webapp.catalogue.models import CatalogueSnapshot
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.completions import COMPLETE, ask
from webapp.orchestration.control import cancel_task, resume_task
from webapp.orchestration.steps import Begin, Completion, HoldRequest, StepRef
from webapp.orchestration.submit import Submission, submit_task

MODEL = {"model": "plain", "tiers": {"small": 1, "medium": 1}, "price": {"input": "1", "output": "4"}}
LISTING = {
    "strategy": "quality",
    "providers": [{"name": "openai", "configured": True, "local": False, "models": [MODEL]}],
}


@pytest.fixture(autouse=True)
def _priced() -> Iterator[None]:
    CatalogueSnapshot.objects.update_or_create(id=1, defaults={"revision": "x", "body": LISTING, "worker": "tests"})
    prices.forget()
    yield
    CatalogueSnapshot.objects.filter(id=1).update(revision="", body={"revision": "", "providers": [], "shares": {}})
    prices.forget()


@pytest.fixture
def alone() -> Iterator[Cast]:
    """A cast without history, of which nothing is left running."""
    made = make_cast()
    yield made
    with tenant_scope(made.acme.id):
        open_ = list(Task.objects.filter(finished_at=None).values_list("id", flat=True))
    for task in open_:
        cancel_task(principal=made.owner.principal, task=task, reason="its test has ended")


def post(person: Person, path: str, body: Any) -> tuple[int, Any]:
    answer = Client().post(path, json.dumps(body), "application/json", headers={"X-API-Key": person.api_key})
    return answer.status_code, answer.json()


def quoted(person: Person, **body: Any) -> Any:
    status, answer = post(person, "/api/v1/quotes", {"query": "Why?", "mode": "simple", **body})
    assert status == 200, answer
    return answer


def ended(person: Person, times: float, state: str = "completed", error: Any = None, tasks: int = 1) -> None:
    """Tasks that took so many times what their shape makes expect."""
    for _ in range(tasks):
        task = submit_task(principal=person.principal, submission=Submission(query="Why?", mode="simple"))
        assert task.quote
        base = task.quote["base"]
        prompt, completion = round(base["prompt_tokens"] * times), round(base["completion_tokens"] * times)
        with tenant_scope(task.tenant_id), connections["default"].cursor() as cursor:
            cursor.execute(
                "UPDATE agent_tasks_task SET state = %s, error = %s::jsonb, prompt_tokens = %s, completion_tokens = %s,"
                " cost_usd = %s, admitted_at = created_at, finished_at = created_at + %s * interval '1 s' WHERE id = %s",
                [state, json.dumps(error), prompt, completion, (prompt + 4 * completion) / 1e6,
                 base["duration_s"] * times, task.id],
            )  # fmt: skip


def got(person: Person, task: UUID | str) -> Any:
    return Client().get(f"/api/v1/tasks/{task}", headers={"X-API-Key": person.api_key}).json()


def test_a_quote_learns_from_what_ended_tasks_took(alone: Cast) -> None:
    cold = quoted(alone.owner)
    assert cold["basis"]["tasks"] == 0 and "no run like it yet" in cold["basis"]["told"]
    ended(alone.owner, 2, tasks=20)
    ended(alone.owner, 4, tasks=5)
    ended(alone.owner, 100, state="cancelled", tasks=30)
    ended(alone.owner, 100, state="failed", error={"code": "model.timeout"}, tasks=30)
    warm = quoted(alone.owner)
    assert warm["basis"] == {
        "tasks": 25,
        "class": "task/simple/usual",
        "told": "from the last 25 simple tasks of your own",
    }
    for name in ("cost_usd", "tokens", "duration_s"):
        assert warm[name]["p50"] == pytest.approx(2 * cold[name]["p50"], rel=0.01), name
        assert warm[name]["p95"] == pytest.approx(4 * cold[name]["p50"], rel=0.01), name


def test_what_a_budget_stopped_counts_for_cost_and_not_for_time(alone: Cast) -> None:
    cold = quoted(alone.owner)
    ended(alone.owner, 1, tasks=20)
    ended(alone.owner, 9, state="failed", error={"code": "budget.exceeded"}, tasks=2)
    warm = quoted(alone.owner)
    assert warm["cost_usd"]["p95"] == pytest.approx(9 * cold["cost_usd"]["p50"], rel=0.01)
    assert warm["duration_s"]["p95"] == pytest.approx(cold["duration_s"]["p50"], rel=0.01)


def test_another_tenants_history_never_changes_a_quote(alone: Cast) -> None:
    before = quoted(alone.stranger)
    ended(alone.owner, 7, tasks=25)
    assert quoted(alone.stranger) == before and quoted(alone.owner) != before


def test_a_quote_submits_nothing_and_costs_one_query_of_history(alone: Cast) -> None:
    ended(alone.owner, 1, tasks=3)
    quoted(alone.owner)
    with tenant_scope(alone.acme.id):
        assert Task.objects.count() == 3
    with at_most(4):
        quoted(alone.owner)


def test_history_is_read_by_its_index_under_row_level_security(alone: Cast) -> None:
    """On a condition that is not leakproof no index would be used, however large the history."""
    with tenant_scope(alone.acme.id), connections["default"].cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN (COSTS OFF) {LIKE}", [["task/simple/usual"], [200], alone.acme.id])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using task_quoted_as" in plan and "quoted_as = c.class" in plan, plan


def test_what_is_wrong_with_it_is_said_as_of_a_task(alone: Cast) -> None:
    for body, field in (
        ({"mode": "odd"}, "mode"),
        ({"max_cost_usd": 0}, "max_cost_usd: must be a number of USD above 0"),
        ({"max_cost_usd": True}, "max_cost_usd"),
        ({"context": {"max_budget_usd": "much"}}, "context.max_budget_usd"),
        ({"context": {"max_budget_usd": "nan"}}, "context.max_budget_usd"),
        ({"context": {"budget_max": 10**12}}, "context.budget_max"),
    ):
        status, answer = post(alone.owner, "/api/v1/quotes", {"query": "Why?", **body})
        assert status == 400 and field in json.dumps(answer), answer


def test_a_completion_is_quoted_on_request_and_learnt_from(alone: Cast) -> None:
    asked = {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}
    status, answer = post(alone.owner, "/api/v1/quotes", {**asked, "max_tokens": 50})
    assert status == 200 and answer["tokens"]["p50"] < 100 and answer["basis"]["tasks"] == 0
    step = {**asked, "tools": [], "options": {"tier": "small"}, "stream": False}
    prices.token_price(tier="small", model=None, provider=None)
    with at_most(2):  # its bell's look at whose turn it is, and the submit itself
        task = ask(principal=alone.owner.principal, kind=COMPLETE, query="?", asked=step, session=None, place=None)
    assert fresh(task).quote["base"]["class"] == "completion//small"  # type: ignore[index]
    assert "quote" not in got(alone.owner, task.id)


def test_a_task_shows_its_quote_beside_what_it_took(alone: Cast) -> None:
    ended(alone.owner, 2)
    with tenant_scope(alone.acme.id):
        name = Task.objects.get().id
    told = got(alone.owner, name)["quote"]
    assert told["actual"]["cost_usd"] == pytest.approx(2 * told["cost_usd"]["p50"], rel=0.01)
    assert told["actual"]["duration_s"] == pytest.approx(2 * told["duration_s"]["p50"], rel=0.01)
    page = signed_in(alone.owner).get(f"/tasks/{name}").content.decode()
    assert "Quoted" in page and "(95 %: " in page and ", took " in page


def test_a_task_whose_quote_is_above_its_ceiling_waits_for_a_person(alone: Cast) -> None:
    status, answer = post(alone.owner, "/api/v1/tasks", {"query": "Why?", "mode": "simple", "max_cost_usd": 0.0001})
    assert status == 200 and "above its ceiling of $0.00010" in answer["message"]
    assert answer["waiting"]["resume"] == f"/api/v1/tasks/{answer['task_id']}/resume"
    with tenant_scope(alone.acme.id):
        task = Task.objects.get()
        limit = Envelope.objects.get(level="task", owner_id=task.id).usd_limit
    assert (task.state, task.paused_by) == ("paused", "budget") and "95 %" in task.pause_reason
    assert [kind for _, kind in events(task)] == ["WORKFLOW_STARTED", "WORKFLOW_PAUSING", "WORKFLOW_PAUSED"]
    assert float(limit or 0) == 0.0001, "its own budget is the ceiling, whoever lets it run"
    assert not turn(claims=[StepRef(task.id, 1)]).claimed
    page = signed_in(alone.owner).get(f"/tasks/{task.id}").content.decode()
    assert "Not started: Its quote of" in page and "Press Resume" in page
    resume_task(principal=alone.owner.principal, task=task.id, reason="go on")
    step = claim(task, 1)
    dear = HoldRequest("turn", "openai", "plain", 100, 50, 1, Decimal("0.000001"), Decimal("0.000004"))
    begun = turn(begins=[Begin(step, hold=dear)]).begun[step.attempt]
    assert "granted" not in begun or begun["granted"] == 0, begun
    turn(completions=[Completion(step)])
    assert fresh(task).state == "running" and fresh(task).quote["paused_s"] > 0  # type: ignore[index]


@pytest.mark.parametrize("body", [{"max_cost_usd": 1.5}, {"context": {"max_budget_usd": "1.5"}}])
def test_below_its_ceiling_it_runs_and_the_ceiling_is_its_budget(body: Any, alone: Cast) -> None:
    _, answer = post(alone.owner, "/api/v1/tasks", {"query": "Why?", "mode": "simple", **body})
    assert answer["message"] == "Task submitted" and "waiting" not in answer
    with tenant_scope(alone.acme.id):
        task = Task.objects.get()
        limit = Envelope.objects.get(level="task", owner_id=task.id).usd_limit
    assert task.state == "running" and float(limit or 0) == 1.5
    assert got(alone.owner, task.id)["quote"]["ceiling_usd"] == 1.5


def test_a_ceiling_above_the_settings_does_not_raise_them(alone: Cast, settings: Any) -> None:
    body = {"query": "Why?", "mode": "simple", "max_cost_usd": 1000, "context": {"budget_max": 5000}}
    _, answer = post(alone.owner, "/api/v1/tasks", body)
    with tenant_scope(alone.acme.id):
        budget = Envelope.objects.get(level="task", owner_id=answer["task_id"])
    assert (budget.usd_limit, budget.tokens_limit) == (settings.TASK_USD, 5000)


def test_the_form_shows_the_quote_before_anything_is_submitted(alone: Cast) -> None:
    window = signed_in(alone.user)
    told = window.post("/tasks/quote", {"query": "Why?", "mode": "simple", "max_cost_usd": "0.0001"}).content.decode()
    assert "(95 %: $" in told and "no run like it yet" in told and "until you press Resume" in told
    assert "query: is required" in window.post("/tasks/quote", {"query": ""}).content.decode()
    with tenant_scope(alone.acme.id):
        assert not Task.objects.exists()
