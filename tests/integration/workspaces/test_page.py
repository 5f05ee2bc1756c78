"""The files on a session's page: what a person sees, sends, takes and removes, and what nobody else does."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.integration.workspaces.conftest import Desk
from tests.support.cast import Cast
from tests.support.pages import at_most, signed_in
from webapp.common.tenancy import tenant_scope
from webapp.dashboard import session_files
from webapp.orchestration.submit import Submission, submit_task
from webapp.workspaces.models import File


@pytest.fixture
def window(desk: Desk) -> Client:
    return signed_in(desk.person)


def shown(window: Client, desk: Desk, query: str = "") -> str:
    answer = window.get(f"/sessions/{desk.session}{query}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_an_empty_session_says_so_and_takes_an_upload(desk: Desk, window: Client) -> None:
    page = shown(window, desk)
    assert "No file yet." in page and 'type="file"' in page and "Kept for 24 h" in page
    files = [SimpleUploadedFile("a.csv", b"1,2"), SimpleUploadedFile("ü & co.svg", b"<svg/>")]
    answer = window.post(f"/sessions/{desk.session}/files", {"files": files, "folder": "in"})
    assert answer["Location"] == f"/sessions/{desk.session}?folder=in#files"
    assert desk.read() == {"in/a.csv": b"1,2", "in/ü & co.svg": b"<svg/>"}
    top, inside = shown(window, desk), shown(window, desk, "?folder=in")
    assert (
        f'href="/sessions/{desk.session}?folder=in#files">in/</a>' in top
        and "<strong>2</strong> of 10,000 files" in top
    )
    assert "2 files uploaded." in top and "<strong>9 bytes</strong> of 104.9 MB" in top
    assert "text/csv" in inside and "3 bytes" in inside and desk.person.user.email in inside and "ago" in inside
    assert f'/sessions/{desk.session}/files/in/%C3%BC%20%26%20co.svg" download>ü &amp; co.svg</a>' in inside


def test_the_task_that_wrote_a_file_is_named(desk: Desk, window: Client, people: Cast) -> None:
    desk.save({"chart.svg": b"<svg/>"})
    task = submit_task(principal=people.owner.principal, submission=Submission(query="Draw <it>"))
    with tenant_scope(desk.tenant):
        File.objects.filter(workspace_id=desk.session).update(user=None, task=task.id, step=3)
    assert f'<a href="/tasks/{task.id}?step=3">Draw &lt;it&gt;</a>' in shown(window, desk)


def test_a_file_is_only_ever_saved_and_can_run_nothing(desk: Desk, window: Client) -> None:
    script = b"<html><script>alert(1)</script>"
    for name in ("a.html", "b.svg", "sub/c.xml"):
        desk.save({name: script})
        answer = window.get(f"/sessions/{desk.session}/files/{name}")
        assert answer.status_code == 200 and answer.content == script
        assert answer["Content-Type"] == "application/octet-stream" and answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Disposition"] == f"attachment; filename*=UTF-8''{name.rpartition('/')[2]}"
        assert answer["Content-Security-Policy"].startswith("sandbox")
        asked_for = {"HX-Request": "true"}
        assert window.get(f"/sessions/{desk.session}/files/{name}", headers=asked_for).status_code == 404


def test_names_are_shown_as_text(desk: Desk, window: Client) -> None:
    desk.save({'<b onclick="x">/"><script>.md': b"1"})
    for query in ("", "?folder=%3Cb%20onclick%3D%22x%22%3E"):
        page = shown(window, desk, query)
        assert "<b onclick" not in page and "<script>.md" not in page
    assert "&lt;script&gt;.md" in page


def test_a_file_is_removed_and_what_is_wrong_is_said(desk: Desk, window: Client) -> None:
    desk.save({"sub/a.txt": b"1", "b.txt": b"2"})
    answer = window.post(f"/sessions/{desk.session}/remove-file", {"path": "sub/a.txt"})
    assert answer["Location"] == f"/sessions/{desk.session}?folder=sub#files" and desk.read() == {"b.txt": b"2"}
    assert "sub/a.txt is removed." in shown(window, desk, "?folder=sub"), "the folder is gone: its page is the top's"
    window.post(f"/sessions/{desk.session}/remove-file", {"path": "../b.txt"})
    assert "Nothing has changed." in shown(window, desk)
    window.post(f"/sessions/{desk.session}/files", {"files": [SimpleUploadedFile("x", b"3")], "folder": "b.txt"})
    assert "is a file, so no file can lie below it" in shown(window, desk).replace("&#x27;", "'")
    window.post(f"/sessions/{desk.session}/files", {})
    assert "Choose a file first." in shown(window, desk) and desk.read() == {"b.txt": b"2"}


def test_over_the_limit_nothing_is_uploaded_and_the_limit_is_named(
    desk: Desk, window: Client, settings: object
) -> None:
    settings.WORKSPACE_FILES = 1  # type: ignore[attr-defined]
    files = [SimpleUploadedFile(f"{n}.txt", b"1") for n in range(2)]
    window.post(f"/sessions/{desk.session}/files", {"files": files})
    assert "the limit is 1 files" in shown(window, desk) and desk.read() == {}


def test_a_stranger_and_another_person_see_and_change_nothing(desk: Desk, people: Cast) -> None:
    desk.save({"secret-name.txt": b"ours"})
    for person in (people.stranger, people.user):
        other = signed_in(person)
        place = f"/sessions/{desk.session}"
        files = {"files": [SimpleUploadedFile("x", b"3")]}
        answers = [
            other.get(place), other.get(f"{place}/files/secret-name.txt"), other.post(f"{place}/files", files),
            other.post(f"{place}/remove-file", {"path": "secret-name.txt"}),
        ]  # fmt: skip
        assert [answer.status_code for answer in answers] == [404] * 4
        assert not any(b"secret-name" in answer.content for answer in answers)
    assert desk.read() == {"secret-name.txt": b"ours"}


def test_many_files_are_cut_with_a_word_and_cost_few_queries(
    desk: Desk, window: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_files, "SHOWN", 5)
    desk.save({f"{n:02}.txt": b"1" for n in range(12)})
    with at_most(17):
        page = shown(window, desk)
    assert page.count(" download>") == 5 and "7 more are not shown" in page
