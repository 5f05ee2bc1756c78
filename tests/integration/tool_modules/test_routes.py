"""Modules over the API and on the page: what is uploaded, what is refused, and who sees it."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse

from tests.integration.tool_modules.conftest import SCHEMA, Api
from tests.support.cast import Cast
from tests.support.modules import wasm
from tests.support.pages import at_most, signed_in
from webapp.audit.models import AuditEntry
from webapp.common.tenancy import tenant_scope
from webapp.tool_modules.checks import Checked, claim, record
from webapp.tool_modules.models import ModuleVersion

FACTS = {"imports": ["wasi_snapshot_preview1.fd_read"], "exports": ["_start"], "memory_pages": 2, "compile_s": 0.01}


def ready(reason: str = "") -> None:
    """What a worker does with the one that waits."""
    asked = claim()
    assert asked and record(asked, Checked(reason, {} if reason else FACTS))


def upload_page(crew: Cast, **changed: Any) -> HttpResponse:
    body = {"name": "echo", "description": "Says it.", "parameters": json.dumps(SCHEMA)}
    file = SimpleUploadedFile("echo.wasm", wasm("echo"))
    return signed_in(crew.admin).post("/tools", body | {"wasm": file} | changed, follow=True)  # type: ignore[return-value]


def text_of(answer: HttpResponse) -> str:
    return unescape(answer.content.decode())


def test_an_upload_waits_is_in_force_when_it_was_checked_and_goes_back(crew: Cast) -> None:
    api = Api(crew.admin)
    first = api.upload()
    assert first.status_code == 202, first.content
    told = json.loads(first.content)
    assert (told["version"], told["versions"][0]["state"]) == (0, "checking") and "wasm" not in told["versions"][0]
    ready()
    assert api.one()["version"] == 1 and api.one()["versions"][0]["facts"] == FACTS
    api.upload(description="Says it louder.")
    ready("It imports 'env.system'")
    found = api.one()
    assert (found["version"], found["versions"][0]["state"]) == (1, "refused"), "the first is still in force"
    assert found["versions"][0]["reason"] == "It imports 'env.system'"
    assert api.call("POST", "/echo/in-force", version=2).status_code == 409
    api.upload()
    ready()
    assert api.one()["version"] == 3
    assert json.loads(api.call("POST", "/echo/in-force", version=1).content)["version"] == 1
    for version, status in ((9, 404), ("1", 400), (None, 400), (True, 400)):
        assert api.call("POST", "/echo/in-force", version=version).status_code == status


def test_changes_are_audited_and_removal_is_complete(crew: Cast) -> None:
    api = Api(crew.owner)
    api.upload()
    assert json.loads(api.call("PATCH", "/echo", is_enabled=False).content)["is_enabled"] is False
    assert api.call("PATCH", "/echo", is_enabled=1).status_code == 400
    assert api.call("DELETE", "/echo").status_code == 200
    assert api.call("DELETE", "/echo").status_code == 404 and claim() is None
    with tenant_scope(crew.acme.id):
        audited = list(AuditEntry.objects.filter(subject="echo").order_by("id"))
        assert not ModuleVersion.objects.exists()
    assert [each.action for each in audited] == [
        "tool_module.uploaded", "tool_module.switched", "tool_module.removed",
    ]  # fmt: skip
    assert audited[0].detail["size_bytes"] == len(wasm("echo")) and len(audited[0].detail["sha256"]) == 64


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "Echo"}, "name: must be 1 to 60"),
        ({"description": " "}, "description: must be a text"),
        ({"description": "x" * 1001}, "description: must be a text"),
        ({"parameters": {"type": "object"}}, "parameters: must be a JSON schema"),
        ({"parameters": SCHEMA | {"patternProperties": {}}}, "parameters: may not have 'patternProperties'"),
        ({"wasm": "***"}, "wasm: must be the module's bytes in base64"),
        ({"wasm": "KG1vZHVsZSk="}, "wasm: is no WebAssembly module"),
        ({"wasm": None}, "wasm: must be"),
    ],
)
def test_an_upload_that_breaks_a_rule_is_refused_with_it(changed: dict[str, Any], words: str, crew: Cast) -> None:
    answer = Api(crew.admin).upload(**changed)
    assert answer.status_code == 400 and words in json.loads(answer.content)["error"]
    assert claim() is None


def test_a_tenant_has_so_much_room_and_no_more(crew: Cast, settings: Any) -> None:
    settings.MODULE_BYTES = len(wasm("echo"))
    settings.MODULES_BYTES, settings.MODULES_PER_TENANT = 3 * len(wasm("echo")), 1
    api = Api(crew.admin)
    assert "the limit is" in api.upload(wasm("echo") + b"\0").content.decode()
    api.upload()
    assert "at most 1 modules" in api.upload(name="other").content.decode()
    api.upload()
    api.upload()
    assert "all versions together" in api.upload().content.decode()
    assert Api(crew.stranger).upload().status_code == 202, "others have room of their own"


def test_only_some_uploads_wait_at_once(crew: Cast) -> None:
    api = Api(crew.admin)
    assert [api.upload().status_code for _ in range(6)] == [202] * 5 + [409]
    ready()
    assert api.upload().status_code == 202


def test_reading_is_for_those_who_look_after_it_and_writing_for_those_who_govern(crew: Cast) -> None:
    Api(crew.admin).upload()
    assert Api(crew.operator).one()["name"] == "echo"
    for method, path in (("POST", ""), ("PATCH", "/echo"), ("DELETE", "/echo"), ("POST", "/echo/in-force")):
        assert Api(crew.operator).call(method, path).status_code == 403, (method, path)
        assert Api(crew.user).call(method, path).status_code == 403, (method, path)
    assert Api(crew.user).call("GET").status_code == 403
    page = text_of(signed_in(crew.operator).get("/tools"))
    assert "echo" in page and 'action="/tools"' not in page and "/tools/echo/" not in page
    assert signed_in(crew.operator).post("/tools", {}).status_code == 403


def test_another_tenant_finds_nothing(crew: Cast) -> None:
    Api(crew.owner).upload()
    ready()
    stranger = Api(crew.stranger)
    assert json.loads(stranger.call("GET").content) == {"modules": [], "count": 0}
    calls = [("GET", "/echo"), ("PATCH", "/echo"), ("DELETE", "/echo"), ("POST", "/echo/in-force")]
    for method, path in calls:
        assert stranger.call(method, path, is_enabled=True, version=1).status_code == 404, (method, path)
    client = signed_in(crew.stranger)
    assert "echo" not in text_of(client.get("/tools")).partition("<h1>")[2].partition('id="modules"')[2]
    for path in ("/tools/echo/switch", "/tools/echo/remove", "/tools/echo/in-force/1"):
        assert client.post(path).status_code == 404
    assert Api(crew.owner).one()["version"] == 1


def test_the_page_uploads_tells_what_was_found_and_goes_back(crew: Cast) -> None:
    page = text_of(upload_page(crew))
    assert "echo is being checked" in page and "checking" in page and 'hx-trigger="every 2s"' in page
    ready()
    upload_page(crew)
    ready("It imports 'env.<b>system</b>'")
    answer = signed_in(crew.admin).get("/tools")
    page = text_of(answer)
    assert "version 1 is in force" in page and "It imports 'env." in page and b"<b>system" not in answer.content
    assert 'hx-trigger="every 2s"' not in page
    client = signed_in(crew.admin)
    assert "can't be in force" in text_of(client.post("/tools/echo/in-force/2", follow=True))
    assert "no agent sees it" in text_of(client.post("/tools/echo/switch", {"on": "0"}, follow=True))
    assert "agents may call it" in text_of(client.post("/tools/echo/switch", {"on": "1"}, follow=True))
    assert "is removed" in text_of(client.post("/tools/echo/remove", follow=True))


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"name": "Nope!"}, "name", "Must be 1 to 60"),
        ({"parameters": "{"}, "parameters", "Must be JSON"),
        ({"parameters": '{"type": "object", "$ref": "x", "additionalProperties": false}'}, "parameters", "$ref"),
        ({"wasm": SimpleUploadedFile("a.wasm", b"MZ")}, "wasm", "no WebAssembly"),
        ({"wasm": ""}, "wasm", "Choose a .wasm file"),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_what_was_typed_stays(
    changed: dict[str, Any], field: str, words: str, crew: Cast
) -> None:
    answer = upload_page(crew, **changed)
    page = text_of(answer)
    told = page.partition(f'data-error="{field}">')[2].partition("</p>")[0]
    assert answer.status_code == 400 and words in told and 'value="Says it."' in page


def test_the_page_asks_as_much_for_many_modules_as_for_one(crew: Cast) -> None:
    api = Api(crew.admin)
    for number in range(4):
        api.upload(name=f"echo_{number}")
    client = signed_in(crew.admin)
    with at_most(15):
        client.get("/tools")
