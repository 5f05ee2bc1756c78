"""Sessions: the list with its sums, one read from top to bottom, going on in it."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from tests.support.cast import Cast, Person, make_cast
from tests.support.pages import at_most, signed_in
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope
from webapp.dashboard import sessions
from webapp.orchestration.submit import Submission, submit_task


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def asked(person: Person, query: str, session: str = "work", **ended: object) -> Task:
    task = submit_task(principal=person.principal, submission=Submission(query=query, session=session))
    with tenant_scope(task.tenant_id):
        Task.objects.filter(id=task.id).update(**ended)
    return task


@pytest.fixture(scope="module")
def session(cast: Cast) -> UUID:
    spent = {"prompt_tokens": 1000, "completion_tokens": 234, "cost_usd": "1.25"}
    first = asked(cast.user, "The first?", state="completed", result="# Answer\n\nIt is **coal**.\n\nMore.", **spent)
    asked(cast.user, "The second?", state="failed", error={"code": "x", "message": "It broke"}, **spent)
    return first.session_id


def test_the_list_sums_up_each_session(cast: Cast, session: UUID) -> None:
    row = signed_in(cast.user).get("/sessions").content.decode().split(f"/sessions/{session}")
    before, after = row[0].rsplit("<tr>", 1)[1], row[1].split("</tr>")[0]
    assert ">2<" in before and "2,468" in after and "$2.50" in after and "ago" in after


def test_a_session_reads_from_top_to_bottom_with_the_first_lines_of_answers(cast: Cast, session: UUID) -> None:
    page = signed_in(cast.user).get(f"/sessions/{session}").content.decode()
    assert page.index("The first?</a>") < page.index("The second?</a>")
    assert "<p>It is coal.</p>" in page and "More." not in page and "It broke" in page
    assert "left of" in page, "the session's budget"


def test_going_on_stays_in_the_session_and_a_double_click_is_one_task(cast: Cast, session: UUID) -> None:
    client = signed_in(cast.user)
    page = client.get(f"/sessions/{session}").content.decode()
    fields = dict(re.findall(r'name="(once|session_id)" value="([^"]+)"', page))
    answers = [client.post("/tasks/new", {**fields, "query": "And then?"}) for _ in range(2)]
    assert answers[0]["Location"] == answers[1]["Location"]
    with tenant_scope(cast.acme.id):
        assert Task.objects.get(query="And then?").session_id == session


def test_a_session_is_its_persons_and_the_operators_and_nobody_elses(cast: Cast, session: UUID) -> None:
    watched = signed_in(cast.operator).get(f"/sessions/{session}")
    assert watched.status_code == 200 and 'id="on"' not in watched.content.decode(), "looking on is not going on"
    other = asked(cast.owner, "The owner's own", session="owners").session_id
    assert signed_in(cast.user).get(f"/sessions/{other}").status_code == 404
    assert str(other) not in signed_in(cast.user).get("/sessions").content.decode()
    stranger = signed_in(cast.stranger)
    assert stranger.get(f"/sessions/{session}").status_code == 404
    assert str(session) not in stranger.get("/sessions").content.decode()


def test_the_list_is_paged_by_key_and_costs_few_queries(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "PAGE", 3)
    client = signed_in(cast.admin)
    made = [str(asked(cast.admin, f"Page {number}", session=f"p{number}").session_id) for number in range(7)]
    found, path = [], "/sessions"
    while path:
        with at_most(12):
            page = client.get(path).content.decode()
        found += re.findall(r'href="/sessions/([0-9a-f-]{36})"', page)
        older = re.search(r"before=([0-9a-f-]{36})", page)
        path = f"/sessions?before={older[1]}" if older else ""
    assert [name for name in found if name in made] == made[::-1] and len(set(found)) == len(found)


def test_a_long_session_shows_its_newest_tasks(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "TASKS_SHOWN", 2)
    for number in range(4):
        last = asked(cast.admin, f"Long {number}?", session="long")
    client = signed_in(cast.admin)
    with at_most(13):
        page = client.get(f"/sessions/{last.session_id}").content.decode()
    shown = re.findall(r">(Long \d\?)</a>", page)
    assert shown == ["Long 2?", "Long 3?"] and f"/tasks?session={last.session_id}" in page


def test_the_page_tells_what_the_next_task_is_told(cast: Cast) -> None:
    for number in range(30):
        last = asked(cast.owner, f"Question {number}?", session="told", state="completed", result="It is coal. " * 20)
    asked(cast.owner, "The next?", session="told")
    page = re.sub(r"\s+", " ", signed_in(cast.owner).get(f"/sessions/{last.session_id}").content.decode())
    assert "<dt>Messages</dt><dd>60</dd>" in page and "<dt>Told to the next task</dt><dd>33</dd>" in page
    assert '<dt>Summed up</dt><dd>28</dd><dd class="note">up to message 31</dd>' in page
    assert re.search(r"<dt>Stored</dt><dd>[\d.]+\s(KB|bytes)</dd>", page)
    assert signed_in(cast.stranger).get(f"/sessions/{last.session_id}").status_code == 404
