"""A source is changed on its page: what the form shows, what it sends, what is refused, and two people at once."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.integration.tool_sources.conftest import Api
from tests.support.cast import Cast
from tests.support.pages import signed_in
from webapp.audit.models import AuditEntry
from webapp.common.tenancy import tenant_scope
from webapp.tool_sources.in_force import Found
from webapp.tool_sources.looks import claim, record, secret_of

SECRET = "sk-that-nobody-reads-again"
EDIT = "/tool-sources/lab/edit"
TOOL = {"name": "getThing", "description": "Gets it.", "parameters": {"type": "object"}, "call": {"method": "GET"}}
FIELDS = r'<(?:input|textarea|select)[^>]* name="(\w+)"'


def looked() -> None:
    due = claim()
    assert due and record(due, Found([TOOL], []))


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def form_of(client: Client, path: str = EDIT) -> dict[str, str]:
    """The fields as a browser would send them, unchanged."""
    page = text_of(client.get(path)).partition(f'action="{path}"')[2].partition("</form>")[0]
    form = dict(re.findall(r'<input[^>]* name="(\w+)" (?:inputmode="numeric" )?value="([^"]*)"', page))
    form |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n([^<]*)</textarea>', page))
    for name, options in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', page, re.S):
        form[name] = next(iter(re.findall(r'value="(\w+)" selected', options)), "")
    del form["csrfmiddlewaretoken"]
    assert {"seen", "address", "auth", "timeout_s"} <= set(form), form
    for name in ("dangerous", "trust_changes"):
        assert name in form
        if not re.search(f'name="{name}" value="1" checked', page):
            del form[name]
    return form


def saved(client: Client, form: dict[str, str], **typed: str) -> HttpResponse:
    return client.post(EDIT, form | typed)  # type: ignore[return-value]


@pytest.fixture
def client(crew: Cast) -> Client:
    """Of an admin, whose tenant has the source `lab` with one tool and a secret."""
    Api(crew.admin).register(auth={"kind": "bearer"}, secret=SECRET, tags=["two words", "b"])
    looked()
    return signed_in(crew.admin)


def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(client: Client, crew: Cast) -> None:
    before = Api(crew.admin).one()
    form = form_of(client)
    assert form["tags"] == "two words\nb" and SECRET not in form.values() and not form["document"]
    answer = saved(client, form)
    assert answer["Location"] == "/tool-sources/lab" and "lab is as it was" in text_of(client.get(answer["Location"]))
    assert Api(crew.admin).one() == before and claim() is None
    with tenant_scope(crew.acme.id):
        assert not AuditEntry.objects.filter(action="tool_source.changed").exists()


def test_limits_and_approval_change_at_once_and_are_audited(client: Client, crew: Cast) -> None:
    answer = saved(client, form_of(client), rate_per_minute="7", timeout_s="", dangerous="1")
    assert answer.status_code == 302
    told = Api(crew.admin).one()
    assert (told["rate_per_minute"], told["timeout_s"], told["dangerous"]) == (7, 30, True)
    assert (told["state"], told["tool_count"]) == ("ready", 1) and claim() is None, "no look is needed"
    page = text_of(client.get("/tool-sources/lab"))
    assert "7 calls of a tool per minute" in page and "a person must approve" in page
    with tenant_scope(crew.acme.id):
        entry = AuditEntry.objects.get(action="tool_source.changed")
    assert entry.detail == {"fields": ["dangerous", "rate_per_minute"]}


def test_another_place_wants_the_secret_and_another_look(client: Client, crew: Cast) -> None:
    form = form_of(client)
    refused = saved(client, form, server="https://other.example")
    page = text_of(refused)
    assert (
        refused.status_code == 400 and "given again" in page.partition('data-error="secret">')[2].partition("</p>")[0]
    )
    assert 'value="https://other.example"' in page
    answer = client.post(EDIT, form | {"server": "https://other.example", "secret": "sk-other"}, follow=True)
    assert "it is being looked at" in text_of(answer) and "sk-other" not in text_of(answer)
    assert (Api(crew.admin).one()["state"], Api(crew.admin).one()["tool_count"]) == ("checking", 0)
    due = claim()
    assert due and secret_of(due.tenant, due.source) == "sk-other"


def test_a_secret_alone_is_changed_and_an_address_takes_the_documents_place(client: Client, crew: Cast) -> None:
    saved(client, form_of(client), secret="sk-new")
    due = claim()
    assert due and secret_of(due.tenant, due.source) == "sk-new" and record(due, Found([TOOL], []))
    assert Api(crew.admin).one()["tool_count"] == 1
    saved(client, form_of(client), address="https://a.example/openapi.json", secret="sk-new")
    due = claim()
    assert due and (due.source.address, due.source.document) == ("https://a.example/openapi.json", "")


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"rate_per_minute": "601"}, "rate_per_minute", "from 1 to 600"),
        ({"timeout_s": "many"}, "timeout_s", "from 1 to 120"),
        ({"timeout_s": "9" * 5000}, "timeout_s", "from 1 to 120"),
        ({"server": "https://10.0.0.1/"}, "server", "public"),
        ({"auth": "api_key", "key_in": "header", "key_name": "Host"}, "auth", "must be that of a header"),
        ({"tools": "\n".join(f"t{number}" for number in range(201))}, "tools", "at most 200 names"),
        ({"document": "x" * 5_242_881}, "document", "the limit is"),
    ],
)
def test_a_mistake_stands_beside_its_field(
    client: Client, crew: Cast, typed: dict[str, str], field: str, words: str
) -> None:
    before = Api(crew.admin).one()
    answer = saved(client, form_of(client), **typed)
    said = text_of(answer).partition(f'data-error="{field}">')[2].partition("</p>")[0]
    assert answer.status_code == 400 and words in said, said
    assert Api(crew.admin).one() == before


def test_two_at_once_are_told_and_the_second_does_not_undo_the_first_unknowingly(client: Client, crew: Cast) -> None:
    mine, theirs = form_of(client), form_of(client)
    assert saved(client, theirs, timeout_s="9").status_code == 302
    answer = saved(client, mine, rate_per_minute="5")
    page = text_of(answer)
    assert answer.status_code == 409 and "Somebody has changed lab" in page and "seconds of a call: 9" in page
    told = Api(crew.admin).one()
    assert (told["timeout_s"], told["rate_per_minute"]) == (9, 30)
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    assert saved(client, mine, seen=seen, rate_per_minute="5", timeout_s="9").status_code == 302
    assert Api(crew.admin).one()["rate_per_minute"] == 5


def test_an_mcp_server_has_fields_of_its_own(crew: Cast) -> None:
    asked = {"name": "far", "kind": "mcp", "address": "https://far.example/mcp", "reads": ["look"]}
    assert Api(crew.admin).call("POST", **asked).status_code == 202
    client = signed_in(crew.admin)
    form = form_of(client, "/tool-sources/far/edit")
    assert form["reads"] == "look" and not {"document", "server", "tags"} & set(form)
    client.post("/tool-sources/far/edit", form | {"reads": "look\nlist all"})
    assert Api(crew.admin).one("far")["reads"] == ["look", "list all"]


def test_who_may_not_write_and_who_is_of_another_tenant_change_nothing(client: Client, crew: Cast) -> None:
    form, before = form_of(client) | {"timeout_s": "9"}, Api(crew.admin).one()
    assert EDIT in text_of(client.get("/tool-sources/lab"))
    operator, stranger = signed_in(crew.operator), signed_in(crew.stranger)
    assert EDIT not in text_of(operator.get("/tool-sources/lab"))
    assert [operator.get(EDIT).status_code, operator.post(EDIT, form).status_code] == [403, 403]
    assert [stranger.get(EDIT).status_code, stranger.post(EDIT, form).status_code] == [404, 404]
    forged = Client(enforce_csrf_checks=True)
    forged.cookies = client.cookies
    assert forged.post(EDIT, form).status_code == 403
    assert Api(crew.admin).one() == before
