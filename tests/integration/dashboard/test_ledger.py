"""The ledger and the savings as pages: no line is lost, filters stand in the address, signs are honest."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.ledger import AT, hold, saving
from tests.support.pages import at_most, signed_in
from webapp.agent_tasks.models import Task
from webapp.dashboard import ledger
from webapp.orchestration.submit import Submission, submit_task


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def task(cast: Cast) -> Task:
    return submit_task(principal=cast.user.principal, submission=Submission(query="What does it cost?"))


@pytest.fixture(scope="module")
def client(cast: Cast) -> Client:
    return signed_in(cast.operator)


def test_an_empty_ledger_and_no_savings_say_what_to_do(cast: Cast) -> None:
    client = signed_in(cast.stranger)
    assert "Try the example" in client.get("/budgets/ledger").content.decode()
    assert "Nothing was saved in this time" in client.get("/budgets/savings").content.decode()


def test_the_ledger_loses_no_line_between_pages_even_of_the_same_moment(
    client: Client, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "SHOWN", 3)
    steps = list(range(100, 110))
    for step in steps:
        hold(task, step, created_at=AT - timedelta(seconds=step // 105), agent="counted")
    found, path = [], "/budgets/ledger?agent=counted"
    while path:
        with at_most(9):
            page = client.get(path).content.decode()
        found += [int(step) for step in re.findall(r">step (\d+) ", page)]
        older = re.search(r'href="([^"]+before=[^"]+)"', page)
        path = html.unescape(older[1]) if older else ""
    assert sorted(found) == steps


@pytest.mark.parametrize("odd", ["x", "2026-01-01", "~~~", "2026-01-01T00:00:00~" + "a" * 36 + "~1~1", "%00"])
def test_an_odd_place_begins_at_the_newest(odd: str, client: Client, task: Task) -> None:
    answer = client.get(f"/budgets/ledger?before={odd}")
    assert answer.status_code == 200 and "No older line" not in answer.content.decode()


@pytest.mark.parametrize("field", ["task_id", "state", "since", "until"])
def test_a_filter_that_can_not_be_says_so_beside_its_field(field: str, client: Client) -> None:
    answer = client.get(f"/budgets/ledger?{field}=odd")
    said = answer.content.decode().split(f'data-error="{field}"')[1].split("</p>")[0]
    assert answer.status_code == 400 and "Must be" in said
    assert client.get(f"/budgets/ledger.csv?{field}=odd").status_code == 400


def test_a_tasks_own_lines_are_linked_from_it_and_can_be_taken_along(cast: Cast, client: Client, task: Task) -> None:
    other = submit_task(principal=cast.owner.principal, submission=Submission(query="Another"))
    hold(task, 1, agent="=HYPERLINK(1)")
    hold(other, 2)
    address = f"/budgets/ledger?task_id={task.id}"
    assert address in client.get(f"/tasks/{task.id}").content.decode()
    assert "/budgets/ledger" not in signed_in(cast.user).get(f"/tasks/{task.id}").content.decode()
    page = client.get(address).content.decode()
    assert "What does it cost?" in page and "Another" not in page and f"ledger.csv?task_id={task.id}" in page
    answer = client.get(f"/budgets/ledger.csv?task_id={task.id}")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("created_at,") and len(lines) > 1 and all(str(task.id) in line for line in lines[1:])
    assert ",'=HYPERLINK(1)," in "\n".join(lines)


def test_savings_are_told_by_cause_with_an_honest_sign(client: Client, task: Task) -> None:
    at = datetime.now(UTC)
    hold(task, 900, usd=Decimal("0.5"), created_at=at)
    saving(task, cause="exact", usd=Decimal("0.75"), created_at=at)
    saving(task, cause="provider_cache", usd=Decimal("-0.25"), created_at=at)
    page = client.get("/budgets/savings?days=7").content.decode()
    assert "$0.5000" in page and "50 % of what it would have cost" in page
    causes = page.split('id="causes"')[1]
    assert causes.index("Same call") < causes.index("Provider&#x27;s cache") < causes.index("Alike question")
    assert "−$0.2500" in causes and causes.count("none in this time") == 3
