"""One task on its page: what it tells, what it refuses, and that nothing a model or file holds becomes a part of it."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.pages import signed_in
from webapp.agent_tasks.models import Task
from webapp.orchestration.submit import Attachment, Submission, submit_task

HOSTILE = b'<p id="injected"></p><button hx-post="/keys" hx-trigger="load">x</button>'
HTMX = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def client(cast: Cast) -> Client:
    return signed_in(cast.owner)


@pytest.fixture
def task(cast: Cast) -> Task:
    file = Attachment("page.html", "text/html", HOSTILE)
    return submit_task(principal=cast.owner.principal, submission=Submission(query="Read it", attachments=(file,)))


@pytest.mark.parametrize(
    "step", ["../files/{sha256}", "/keys", "1/../../files/{sha256}", "-1", "1e3", "\u0661", "1" * 40]
)
def test_an_address_opens_steps_and_nothing_else(step: str, client: Client, task: Task) -> None:
    wanted = step.format(sha256=task.attachments[0]["id"])
    text = client.get(f"/tasks/{task.id}", {"step": wanted}).content.decode()
    assert "open-step" not in text
    assert 'id="open-step"' in client.get(f"/tasks/{task.id}?step=1").content.decode()


def test_a_file_is_a_download_that_runs_nothing_and_never_a_part_of_a_page(client: Client, task: Task) -> None:
    address = f"/tasks/{task.id}/files/{task.attachments[0]['id']}"
    answer = client.get(address)
    assert answer.content == HOSTILE and answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert client.get(address, headers=HTMX).status_code == 404
