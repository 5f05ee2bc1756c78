"""A session's files over the API, in the shapes that the official client reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tests.integration.workspaces.conftest import Desk
from tests.support.cast import Cast, Person
from webapp.agent_sessions.models import Session
from webapp.common.tenancy import tenant_scope

Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def call(desk: Desk) -> Call:
    def ask(method: str, path: str = "", body: bytes = b"", person: Person | None = None) -> tuple[int, dict[str, Any]]:
        headers = {"X-API-Key": (person or desk.person).api_key}
        address = f"/api/v1/sessions/{desk.session}/files{path}"
        answer = Client().generic(method, address, body, "application/octet-stream", headers=headers)
        return answer.status_code, json.loads(answer.content)

    return ask


def test_one_level_is_listed_at_a_time(desk: Desk, call: Call) -> None:
    assert call("GET") == (200, {"success": True, "files": []})
    desk.save({"report.md": b"# It", "data/a.csv": b"1,2", "data/more/b.csv": b""})
    top = [
        {"name": "data", "path": "data", "is_dir": True, "size_bytes": 0},
        {"name": "report.md", "path": "report.md", "is_dir": False, "size_bytes": 4},
    ]
    inside = [
        {"name": "a.csv", "path": "data/a.csv", "is_dir": False, "size_bytes": 3},
        {"name": "more", "path": "data/more", "is_dir": True, "size_bytes": 0},
    ]
    assert call("GET") == (200, {"success": True, "files": top})
    assert call("GET", "?path=data") == call("GET", "?path=data/") == (200, {"success": True, "files": inside})
    status, body = call("GET", "?path=nowhere")
    assert status == 404 and body["success"] is False and body["error"] == "folder not found"


@pytest.mark.parametrize("path", ["..", "../x", "data/../..", "/etc", "a//b"])
def test_a_path_that_leaves_is_refused(desk: Desk, call: Call, path: str) -> None:
    for status, body in (call("GET", f"?path={path}"), *(call(how, f"/{path}") for how in ("GET", "PUT", "DELETE"))):
        assert status == 400 and body["success"] is False and "a path " in body["error"]
    assert desk.read() == {}


def test_text_comes_as_it_is_and_everything_else_in_base64(desk: Desk, call: Call) -> None:
    desk.save({"a.md": "ü\n".encode(), "b.json": b"[1]", "c.svg": b"<svg/>", "d.txt": b"\xff\xfe", "e e.bin": b"\0\1"})
    text = {"success": True, "content": "ü\n", "content_type": "text/markdown", "size_bytes": 3}
    assert call("GET", "/a.md") == (200, text)
    assert call("GET", "/b.json")[1]["content"] == "[1]"
    for name, kind, data in (
        ("c.svg", "image/svg+xml", b"<svg/>"),
        ("d.txt", "application/octet-stream", b"\xff\xfe"),
        ("e%20e.bin", "application/octet-stream", b"\0\1"),
    ):
        found = call("GET", f"/{name}")[1]
        assert (found["content_type"], base64.b64decode(found["content"])) == (kind, data), name


def test_what_is_no_file_is_said(desk: Desk, call: Call) -> None:
    desk.save({"data/a.csv": b"1"})
    missing = {"success": False, "error": "file not found", "code": "not_found"}
    assert call("GET", "/nothing.txt") == call("DELETE", "/nothing.txt") == (404, missing)
    for method in ("GET", "DELETE"):
        status, body = call(method, "/data")
        assert status == 400 and body == {
            "success": False,
            "error": "'data' is a folder",
            "code": "workspace.is_folder",
        }
    status, body = call("PUT", "/data", b"x")
    assert status == 409 and body["code"] == "workspace.path_taken"


def test_files_are_written_and_removed(desk: Desk, call: Call, settings: Any) -> None:
    status, body = call("PUT", "/sub/a.csv", b"1,2\n")
    told = body["file"]
    assert (
        status == 200 and told["path"] == "sub/a.csv" and told["content_type"] == "text/csv" and told["size_bytes"] == 4
    )
    call("PUT", "/sub/a.csv", b"3")
    assert desk.read() == {"sub/a.csv": b"3"}
    settings.WORKSPACE_BYTES = 10
    status, body = call("PUT", "/b", b"x" * 10)
    assert (status, body["code"]) == (413, "workspace.full") and "limit is 10 bytes" in body["error"]
    assert call("DELETE", "/sub/a.csv") == (200, {"success": True, "message": "Removed"})
    assert desk.read() == {} and call("GET")[1]["files"] == []


def test_a_session_is_found_by_its_name_and_anothers_or_a_deleted_one_is_not(
    desk: Desk, people: Cast, call: Call
) -> None:
    desk.save({"secret.txt": b"ours"})
    for person in (people.stranger, people.user):
        for method, path in (("GET", ""), ("GET", "/secret.txt"), ("PUT", "/secret.txt"), ("DELETE", "/secret.txt")):
            status, body = call(method, path, b"theirs", person)
            assert status == 404 and body["error"] == "session not found"
    assert call("GET", "/secret.txt", b"", people.operator)[1]["content"] == "ours", "who looks after the tenant"
    headers = {"X-API-Key": desk.person.api_key}
    for name in (uuid4(), "no-such-name", "%00"):
        assert Client().get(f"/api/v1/sessions/{name}/files", headers=headers).status_code == 404
    with tenant_scope(desk.tenant):
        row = Session.objects.filter(id=desk.session)
        name = row.values_list("external_id", flat=True).get()
    assert len(Client().get(f"/api/v1/sessions/{name}/files", headers=headers).json()["files"]) == 1
    with tenant_scope(desk.tenant):
        row.update(deleted_at=timezone.now())
    assert call("GET")[0] == call("GET", "/secret.txt")[0] == 404


def test_the_document_says_that_a_file_is_bytes() -> None:
    paths = Client().get("/openapi.json").json()["paths"]
    put = paths["/api/v1/sessions/{session}/files/{path}"]["put"]
    assert list(put["requestBody"]["content"]) == ["application/octet-stream"] and put["x-scope"] == "sessions:write"
