"""Sources over the API and on the pages: what is registered, what is refused, and who sees it."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse

from tests.integration.tool_sources.conftest import LAB_SOURCE, Api
from tests.support.cast import Cast
from tests.support.pages import at_most, signed_in
from webapp.audit.models import AuditEntry
from webapp.common.tenancy import tenant_scope
from webapp.tool_sources.in_force import Found
from webapp.tool_sources.looks import claim, record, secret_of
from webapp.tool_sources.models import ToolSource

SECRET = "sk-that-nobody-reads-again"
BEARER = {"auth": {"kind": "bearer"}, "secret": SECRET}
TOOL = {"name": "getThing", "description": "Gets it.", "parameters": {"type": "object"}, "call": {}}
LEFT = {"name": "upload", "reason": "Its body is of a <b>kind</b> that can't be made"}


def looked(reason: str = "") -> None:
    """What a worker does with the one that is due."""
    due = claim()
    assert due and record(due, Found(reason=reason) if reason else Found([TOOL], [LEFT]))


def text_of(answer: HttpResponse) -> str:
    return unescape(answer.content.decode())


def test_a_source_waits_has_tools_when_it_was_looked_at_and_keeps_them_while_it_fails(crew: Cast) -> None:
    api = Api(crew.admin)
    answer = api.register(**BEARER)
    assert answer.status_code == 202, answer.content
    told = json.loads(answer.content)
    assert (told["state"], told["tool_count"], told["auth"], told["timeout_s"]) == (
        "checking",
        0,
        {"kind": "bearer"},
        30,
    )
    looked()
    assert claim() is None, "it is due again in some minutes"
    found = api.one()
    assert (found["state"], found["found"][0]["name"], found["left_out"]) == ("ready", "lab_get_thing", [LEFT])
    assert api.call("POST", "/lab/look").status_code == 202
    looked("It did not answer.")
    found = api.one()
    assert (found["state"], found["reason"], found["tool_count"]) == ("failed", "It did not answer.", 1)


def test_a_secret_is_written_and_never_read(crew: Cast) -> None:
    api = Api(crew.admin)
    answers = [api.register(**BEARER), api.call("GET"), api.call("GET", "/lab"), api.call("POST", "/lab/look")]
    client = signed_in(crew.admin)
    answers += [client.get("/tool-sources"), client.get("/tool-sources/lab")]  # type: ignore[list-item]
    assert all(SECRET.encode() not in answer.content for answer in answers)
    due = claim()
    assert due and secret_of(due.tenant, due.source) == SECRET and SECRET not in repr(due)
    with tenant_scope(crew.acme.id):
        assert SECRET.encode() not in bytes(ToolSource.objects.get(name="lab").sealed or b"")
        assert SECRET not in json.dumps([entry.detail for entry in AuditEntry.objects.all()])


def test_a_source_that_moves_wants_its_secret_again_and_has_no_tools_till_it_was_looked_at(crew: Cast) -> None:
    api = Api(crew.admin)
    api.register(**BEARER)
    looked()
    refused = api.call("PATCH", "/lab", server="https://evil.example")
    assert refused.status_code == 400 and "secret: must be given again" in json.loads(refused.content)["error"]
    assert api.call("PATCH", "/lab", timeout_s=5).status_code == 200
    assert api.one()["tool_count"] == 1, "a limit is no move"
    assert api.call("PATCH", "/lab", server="https://other.example", secret="sk-other").status_code == 200
    assert (api.one()["state"], api.one()["tool_count"]) == ("checking", 0)
    assert api.call("PATCH", "/lab", auth={"kind": "none"}, secret="").status_code == 200
    due = claim()
    assert due and due.source.sealed is None


def test_what_a_lost_worker_says_late_is_not_kept(crew: Cast) -> None:
    api = Api(crew.admin)
    api.register()
    late = claim()
    api.call("POST", "/lab/look")
    looked()
    assert late and not record(late, Found(reason="late")) and api.one()["state"] == "ready"


def test_a_source_whose_address_may_not_be_asked_any_more_can_be_switched_off(crew: Cast) -> None:
    Api(crew.owner).register()
    with tenant_scope(crew.acme.id):
        row = ToolSource.objects.get(name="lab")
        ToolSource.objects.update(settings=row.settings | {"server": "https://10.0.0.1"})
    assert Api(crew.owner).call("PATCH", "/lab", timeout_s=5).status_code == 400
    assert Api(crew.owner).call("PATCH", "/lab", is_enabled=False).status_code == 200


def test_changes_are_audited_and_removal_is_complete(crew: Cast) -> None:
    api = Api(crew.owner)
    api.register()
    assert json.loads(api.call("PATCH", "/lab", is_enabled=False).content)["is_enabled"] is False
    assert claim() is None, "what is off is not asked"
    assert api.call("DELETE", "/lab").status_code == 200 and api.call("DELETE", "/lab").status_code == 404
    with tenant_scope(crew.acme.id):
        audited = list(AuditEntry.objects.filter(subject="lab").order_by("id").values_list("action", flat=True))
    assert audited == ["tool_source.registered", "tool_source.changed", "tool_source.removed"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "Lab"}, "name: must be 1 to 30"),
        ({"name": "validate"}, "name: must be"),
        ({"kind": "soap"}, "kind: must be one of openapi, mcp"),
        ({"document": ""}, "address: give either"),
        ({"address": "https://a.example/x"}, "address: give either"),
        ({"document": "", "address": "https://10.0.0.1/x"}, "address: "),
        ({"server": "http://127.0.0.1/"}, "server: "),
        ({"auth": {"kind": "oauth2"}}, "auth: must be"),
        ({"auth": {"kind": "api_key", "in": "header", "name": "Host"}, "secret": "x"}, "auth: name must be"),
        ({"auth": {"kind": "bearer"}}, "secret: must be a text"),
        ({"auth": {"kind": "bearer"}, "secret": "a\r\nb"}, "secret: must be printable"),
        ({"auth": {"kind": "basic"}, "secret": "no-colon"}, "secret: must be name:password"),
        ({"secret": "x"}, "secret: is given"),
        ({"timeout_s": 121}, "timeout_s: must be a whole number"),
        ({"tools": "all"}, "tools: must be a list"),
        ({"transport": "stdio"}, "transport: is nothing that this kind has"),
        ({"kind": "mcp"}, "server: is nothing that this kind has"),
    ],
)
def test_a_source_that_breaks_a_rule_is_refused_with_it(changed: dict[str, Any], words: str, crew: Cast) -> None:
    answer = Api(crew.admin).register(**changed)
    assert answer.status_code == 400 and words in json.loads(answer.content)["error"]
    assert claim() is None


def test_an_mcp_server_is_started_only_where_the_operator_allows_its_command(crew: Cast, settings: Any) -> None:
    asked = {"name": "clock", "kind": "mcp", "transport": "stdio", "command": "clock"}
    refused = Api(crew.admin).call("POST", **asked)
    assert refused.status_code == 400 and "allows: none" in json.loads(refused.content)["error"]
    settings.MCP_COMMANDS = {"clock": ["/bin/clock"]}
    assert Api(crew.admin).call("POST", **asked).status_code == 202


def test_a_tenant_has_so_many_sources_and_no_more(crew: Cast, settings: Any) -> None:
    settings.SOURCES_PER_TENANT = 1
    assert Api(crew.admin).register().status_code == 202
    assert "already" in json.loads(Api(crew.admin).register().content)["error"]
    assert "at most 1 sources" in json.loads(Api(crew.admin).register(name="two").content)["error"]
    assert Api(crew.stranger).register().status_code == 202, "others have room of their own"


def test_a_document_is_tried_without_being_saved(crew: Cast) -> None:
    given = {field: LAB_SOURCE[field] for field in ("name", "document", "server")}
    told = json.loads(Api(crew.admin).call("POST", "/validate", **given).content)
    names = [tool["name"] for tool in told["tools"]]
    assert told["valid"] and "lab_put_lab_api_workspaces_space_name" in names and len(names) == 12
    wrong = json.loads(Api(crew.admin).call("POST", "/validate", document="openapi: 3.0.3\npaths: []").content)
    assert not wrong["valid"] and "breaks the specification" in wrong["reason"] and "paths" in wrong["reason"]
    assert json.loads(Api(crew.admin).call("GET").content)["count"] == 0


def test_another_tenant_finds_nothing(crew: Cast) -> None:
    Api(crew.owner).register()
    stranger = Api(crew.stranger)
    assert json.loads(stranger.call("GET").content) == {"sources": [], "count": 0}
    for method, path in (("GET", "/lab"), ("PATCH", "/lab"), ("DELETE", "/lab"), ("POST", "/lab/look")):
        assert stranger.call(method, path, is_enabled=True).status_code == 404, (method, path)
    client = signed_in(crew.stranger)
    assert "lab" not in text_of(client.get("/tool-sources")).partition('id="sources"')[2]  # type: ignore[arg-type]
    assert client.get("/tool-sources/lab").status_code == 404
    for path in ("switch", "look", "remove"):
        assert client.post(f"/tool-sources/lab/{path}").status_code == 404
    assert Api(crew.owner).one()["state"] == "checking"


def test_the_pages_register_tell_what_was_found_and_what_was_left_out(crew: Cast) -> None:
    client = signed_in(crew.admin)
    assert "None yet" in text_of(client.get("/tool-sources"))  # type: ignore[arg-type]
    typed = {
        **LAB_SOURCE,
        "auth": "bearer",
        "secret": SECRET,
        "tools": "getThing\nget /other",
        "timeout_s": "7",
        "dangerous": "1",
    }
    page = text_of(client.post("/tool-sources", typed, follow=True))  # type: ignore[arg-type]
    assert "lab is being looked at" in page and 'hx-trigger="every 2s"' in page
    looked()
    answer = client.get("/tool-sources/lab")
    page = text_of(answer)  # type: ignore[arg-type]
    assert "lab_get_thing" in page and "upload" in page and b"<b>kind" not in answer.content
    assert "a person must approve" in page and 'hx-trigger="every 2s"' not in page
    told = Api(crew.admin).one()
    assert (told["tools"], told["timeout_s"]) == (["getThing", "get /other"], 7)
    for path, data, words in (
        ("switch", {"on": "0"}, "switched off"),
        ("look", {}, "being looked at"),
        ("remove", {}, "is removed"),
    ):
        assert words in text_of(client.post(f"/tool-sources/lab/{path}", data, follow=True))  # type: ignore[arg-type]
    watching = text_of(signed_in(crew.operator).get("/tool-sources"))  # type: ignore[arg-type]
    assert "<form method" not in watching.partition("<h1>")[2]
    assert signed_in(crew.operator).post("/tool-sources", {}).status_code == 403


def test_a_mistake_is_told_beside_its_field_and_what_was_typed_stays_but_the_secret(crew: Cast) -> None:
    typed = {**LAB_SOURCE, "server": "https://10.0.0.1/", "auth": "bearer", "secret": SECRET}
    answer = signed_in(crew.admin).post("/tool-sources", typed)
    page = text_of(answer)  # type: ignore[arg-type]
    assert answer.status_code == 400 and "public" in page.partition('data-error="server">')[2].partition("</p>")[0]
    assert 'value="https://10.0.0.1/"' in page and SECRET not in page


def test_the_page_asks_as_much_for_many_sources_as_for_one(crew: Cast) -> None:
    for number in range(4):
        Api(crew.admin).register(name=f"lab_{number}")
    client = signed_in(crew.admin)
    with at_most(10):
        client.get("/tool-sources")
    for path in ("/tool-sources/lab_0", "/tool-sources/lab_0/edit"):
        with at_most(10):
            client.get(path)
