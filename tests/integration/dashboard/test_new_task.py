"""The form for a new task: the API's rules, what comes along, what was typed is kept, sent twice is one task."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.pages import at_most, signed_in
from webapp.agent_tasks.models import Task
from webapp.agent_tasks.selectors import find_task
from webapp.common.tenancy import tenant_scope
from webapp.dashboard.brought import brought, read_files
from webapp.orchestration.submit import Attachment, Submission, submit_task


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def client(cast: Cast) -> Client:
    return signed_in(cast.owner)


@pytest.fixture(scope="module")
def earlier(cast: Cast) -> Task:
    files = tuple(Attachment(f"{number}.csv", "text/csv", b"a\n%d\n" % number) for number in range(12))
    submission = Submission(query="The secret of Acme?", mode="complex", attachments=files)
    return submit_task(principal=cast.owner.principal, submission=submission)


def sent(client: Client, cast: Cast, **fields: Any) -> Task:
    answer = client.post("/tasks/new", fields)
    assert answer.status_code == 302, answer.content.decode()
    with tenant_scope(cast.acme.id):
        return find_task(cast.acme.id, None, answer["Location"].removeprefix("/tasks/"))


def csv(name: str = "a.csv", data: bytes = b"a,b\n1,2\n") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="application/vnd.ms-excel")


def refusal(client: Client, field: str, **fields: Any) -> str:
    """What stands beside the field, and nowhere else."""
    answer = client.post("/tasks/new", fields)
    assert answer.status_code == 400
    told = dict(re.findall(r'data-error="(\w+)">([^<]+)</p>', answer.content.decode()))
    assert set(told) == {field}
    return told[field]


def test_a_question_with_files_becomes_a_task(client: Client, cast: Cast) -> None:
    fields = {"query": "What?\r\nAnd why?", "mode": "simple", "model_tier": "small", "session_id": "from-the-page"}
    task = sent(client, cast, **fields, files=[csv(), csv("b.csv", b"x\n")])
    assert (task.query, task.mode, task.context["model_tier"]) == ("What?\nAnd why?", "simple", "small")
    assert task.session.external_id == "from-the-page"
    assert [(file["filename"], file["media_type"]) for file in task.attachments] == [
        ("a.csv", "text/csv"),
        ("b.csv", "text/csv"),
    ]


def test_files_alone_are_enough(client: Client, cast: Cast) -> None:
    assert sent(client, cast, query="", files=[csv()]).query


def test_what_is_wrong_is_said_beside_the_field(client: Client, settings: Any) -> None:
    settings.ATTACHMENTS_LIMIT_BYTES = 2000
    settings.QUERY_LIMIT_CHARS = 100
    assert refusal(client, "query", query=" ") == "Is required"
    assert "has 101 characters; the limit is 100" in refusal(client, "query", query="x" * 101).lower()
    assert "1 to 128" in refusal(client, "session_id", query="x", session_id="two words")
    assert "one of simple" in refusal(client, "mode", query="x", mode="odd")
    assert "small" in refusal(client, "model_tier", query="x", model_tier="odd")
    assert "not accepted (a.exe" in refusal(client, "context", query="x", files=[csv("a.exe")])
    assert "not accepted (a.csv.gz" in refusal(client, "context", query="x", files=[csv("a.csv.gz")])
    assert "same name" in refusal(client, "context", query="x", files=[csv(), csv()])
    assert refusal(client, "context", query="x", files=[csv(data=b"x" * 2001)]) == (
        "Have 2.0 kB together; the limit is 2.0 kB"
    )


def test_what_was_typed_is_kept(client: Client) -> None:
    typed = {"query": "Why <b>?", "session_id": "a b", "mode": "complex", "example": "electricity", "keep": []}
    page = client.post("/tasks/new", typed).content.decode()
    assert "Why &lt;b&gt;?</textarea>" in page and 'value="a b"' in page and 'value="complex" selected' in page
    assert 'value="iowa-electricity.csv">' in page, "the file that was left out stays left out"


@pytest.mark.parametrize("example", ["electricity", "penguins"])
def test_an_example_fills_in_the_question_and_brings_its_file(example: str, client: Client, cast: Cast) -> None:
    page = client.get(f"/tasks/new?example={example}").content.decode()
    question = re.search(r"<textarea[^>]*>([^<]+)</textarea>", page)
    files = re.findall(r'name="keep" value="([^"]+)" checked', page)
    assert question and len(files) == 1
    task = sent(client, cast, query=question[1], example=example, keep=files)
    assert [file["filename"] for file in task.attachments] == files and task.attachments[0]["size_bytes"] > 1000


def test_an_example_that_is_none_brings_nothing(client: Client) -> None:
    for name in ("nothing", "..", "../examples/electricity", "%00"):
        answer = client.get(f"/tasks/new?example={name}")
        assert answer.status_code == 200 and 'name="keep"' not in answer.content.decode()


def test_a_task_is_run_again_with_the_files_that_were_kept(client: Client, cast: Cast, earlier: Task) -> None:
    page = client.get(f"/tasks/new?from={earlier.id}").content.decode()
    assert "The secret of Acme?</textarea>" in page and 'value="complex" selected' in page
    assert page.count('name="keep"') == 12
    task = sent(client, cast, query="Again", **{"from": str(earlier.id)}, keep=["3.csv", "7.csv"])
    assert [(file["filename"], file["id"]) for file in task.attachments] == [
        (file["filename"], file["id"]) for file in earlier.attachments if file["filename"] in ("3.csv", "7.csv")
    ]


def test_another_persons_task_is_not_there_to_run_again(cast: Cast, earlier: Task) -> None:
    for person in (cast.stranger, cast.user):
        client = signed_in(person)
        assert client.get(f"/tasks/new?from={earlier.id}").status_code == 404
        answer = client.post("/tasks/new", {"query": "x", "from": str(earlier.id), "keep": "3.csv"})
        assert answer.status_code == 404
    assert signed_in(cast.operator).get(f"/tasks/new?from={earlier.id}").status_code == 200
    assert signed_in(cast.owner).get("/tasks/new?from=nonsense").status_code == 404


def test_the_form_costs_few_queries(client: Client, earlier: Task) -> None:
    for path in ("/tasks/new", "/tasks/new?example=electricity", f"/tasks/new?from={earlier.id}"):
        with at_most(12):
            assert client.get(path).status_code == 200


def test_many_files_of_an_earlier_task_are_read_at_once(cast: Cast, earlier: Task) -> None:
    along = brought(cast.owner.principal, example="", earlier=str(earlier.id))
    with at_most(4):
        assert [file["data"] for file in read_files(cast.owner.principal, along.files)][3] == b"a\n3\n"


def test_sent_twice_it_is_one_task_and_changed_it_is_another(client: Client, cast: Cast) -> None:
    form = {"query": "Once?", "once": uuid4().hex}
    first = sent(client, cast, **form, files=[csv()])
    assert sent(client, cast, **form, files=[csv()]).id == first.id
    assert sent(client, cast, **form, files=[csv(data=b"other\n")]).id != first.id
    changed = sent(client, cast, **{**form, "query": "After going back?"}, files=[csv()])
    assert changed.id != first.id and changed.query == "After going back?"
    assert sent(client, cast, **{**form, "once": uuid4().hex}, files=[csv()]).id != first.id


def test_a_double_click_makes_one_task(client: Client, cast: Cast) -> None:
    form = {"query": "Twice at once?", "once": uuid4().hex}

    def press(_: int) -> str:
        hand = Client()
        hand.cookies = client.cookies
        try:
            return str(hand.post("/tasks/new", form)["Location"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as hands:
        assert len(set(hands.map(press, range(4)))) == 1
    with tenant_scope(cast.acme.id):
        assert Task.objects.filter(query="Twice at once?").count() == 1
