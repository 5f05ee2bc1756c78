"""The form of a new task: sent twice it is one task, changed it is another, and it brings what it was asked to."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.pages import signed_in
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Attachment, Submission, submit_task


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def client(cast: Cast) -> Client:
    return signed_in(cast.user)


def send(client: Client, **fields: Any) -> str:
    answer = client.post("/tasks/new", fields)
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"]


def file(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.csv", text.encode(), "application/vnd.ms-excel")


def test_the_same_form_sent_twice_is_one_task(client: Client) -> None:
    first = send(client, query="Why?", once="token", files=file("a,b"))
    assert send(client, query="Why?", once="token", files=file("a,b")) == first


def test_a_form_that_is_changed_after_going_back_is_another_task(client: Client) -> None:
    same = {"query": "Why?", "once": "another"}
    changed = [same, {**same, "query": "How?"}, {**same, "mode": "simple"}, {**same, "session_id": "s1"}]
    sent = {send(client, **fields) for fields in changed} | {
        send(client, **same, files=file(text)) for text in ("a", "b")
    }
    assert len(sent) == 6


def test_an_example_comes_with_its_file_and_a_task_to_run_again_with_its_own(client: Client, cast: Cast) -> None:
    shown = client.get("/tasks/new?example=penguins").content.decode()
    assert "Comes along: penguins.csv" in shown and "species of penguin" in shown
    task = send(client, query="Which?", example="penguins").rpartition("/")[2]
    again = client.get(f"/tasks/new?from={task}").content.decode()
    assert "Comes along: penguins.csv" in again
    copy = send(client, query="Which?", once="again", **{"from": task}).rpartition("/")[2]
    with tenant_scope(cast.acme.id):
        first, second = (Task.objects.get(id=name).attachments for name in (task, copy))
    assert [entry["id"] for entry in first] == [entry["id"] for entry in second] and first


def test_anothers_task_brings_nothing_along(client: Client, cast: Cast) -> None:
    secret = Attachment("secret.csv", "text/csv", b"the secret")
    theirs = submit_task(
        principal=cast.stranger.principal, submission=Submission(query="undisclosed", attachments=(secret,))
    )
    owners = submit_task(principal=cast.owner.principal, submission=Submission(query="undisclosed", attachments=(secret,)))
    for task in (theirs, owners):
        shown = client.get(f"/tasks/new?from={task.id}").content.decode()
        assert "undisclosed" not in shown and "secret.csv" not in shown
        made = send(client, query="mine", once=str(task.id), **{"from": str(task.id)}).rpartition("/")[2]
        with tenant_scope(cast.acme.id):
            assert Task.objects.get(id=made).attachments == []


def test_a_file_that_is_not_taken_is_refused_beside_what_was_typed(client: Client) -> None:
    odd = SimpleUploadedFile("run.exe", b"MZ", "application/octet-stream")
    answer = client.post("/tasks/new", {"query": "What is it?", "files": odd})
    text = answer.content.decode()
    assert answer.status_code == 400 and "not accepted (run.exe" in text and "What is it?" in text
