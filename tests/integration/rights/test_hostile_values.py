"""Values that nobody sends by mistake: refused where they come in, never an error of ours."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client, override_settings

from tests.support.cast import Cast, make_cast
from tests.support.farm import eventually
from tests.support.pages import signed_in
from tests.support.told_tools import tell_tools
from webapp.budgets.models import Envelope
from webapp.common.apart import AT_ONCE, ask_apart
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.config.asgi import application
from webapp.orchestration.control import cancel_task
from webapp.orchestration.submit import Submission, submit_task
from webapp.orchestration.travel import replay_task
from webapp.tenants.api_keys import create_key, revoke_key
from webapp.tenants.models import User

INFINITE, DEEP = "1e400", "[" * 5000 + "]" * 5000
PLACES = {
    "/api/v1/tasks": '{"query": "hi", "context": {"x": %s}}',
    "/api/v1/quotes": '{"query": "hi", "context": {"x": %s}}',
    "/api/v1/tools/calculator/execute": '{"arguments": {"expression": %s}}',
    "/api/v1/tool-modules": '{"name": "m", "description": "d", "wasm": "AGFzbQ==", "parameters": {"default": %s}}',
    "/v1/completions": '{"messages": [{"role": "user", "content": "hi"}], "tools": [{"parameters": %s}]}',
    "/api/v1/budgets": '{"level": "tenant", "period": "day", "tokens_limit": %s}',
}


@pytest.fixture(scope="module")
def cast() -> Cast:
    tell_tools()
    return make_cast()


def ask(cast: Cast, path: str, body: str) -> Any:
    headers = {"X-API-Key": cast.owner.api_key}
    return Client().generic("POST", path, body, "application/json", headers=headers)


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("value", [INFINITE, DEEP, "9" * 5000], ids=["infinite", "deep", "long"])
def test_what_can_not_be_stored_is_refused_where_it_comes_in(path: str, value: str, cast: Cast) -> None:
    assert ask(cast, path, PLACES[path] % value).status_code == 400


def test_a_context_that_would_weigh_on_every_step_is_refused(cast: Cast) -> None:
    file = {"media_type": "text/plain", "filename": "a.txt", "data": base64.b64encode(b"a" * 5_000_000).decode()}
    for context, status in (({"x": "a" * 5_000_000}, 400), ({"attachments": [file]}, 200)):
        assert ask(cast, "/api/v1/tasks", json.dumps({"query": "hi", "context": context})).status_code == status


@pytest.mark.parametrize("media_type", ["text/a\rb", "text/ü", "text/a b", "text/"])
def test_a_kind_of_file_that_no_header_can_say_is_refused(media_type: str, cast: Cast) -> None:
    file = {"media_type": media_type, "filename": "a.txt", "data": "aGk="}
    answer = ask(cast, "/api/v1/tasks", json.dumps({"query": "hi", "context": {"attachments": [file]}}))
    assert answer.status_code == 400


def test_an_address_of_another_tenant_is_refused_without_a_word_about_whose_it_is(cast: Cast) -> None:
    typed = {"name": "x", "role": "user", "is_active": "on", "new_password": "correct horse battery", "_save": "Save"}
    page = signed_in(cast.admin).post("/admin/tenants/user/add/", {**typed, "email": cast.stranger.user.email.upper()})
    assert page.status_code == 200
    assert "This address can&#x27;t be used." in page.content.decode()
    with tenant_scope(cast.acme.id):
        assert not User.objects.filter(email=cast.stranger.user.email).exists()


def test_what_takes_long_to_try_takes_only_so_many_threads_of_the_web(cast: Cast) -> None:
    """A document that hangs its reader would else hold each thread for HARTLEY_SOURCE_READ_S."""

    def try_one() -> object:
        with suppress(TimeoutError):
            ask_apart("tests.support.hanging", {}, within_s=1.5)
        return None

    document = json.dumps({"document": "openapi: 3.0.3"})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        hanging = [pool.submit(try_one) for _ in range(AT_ONCE)]
        answer = eventually(lambda: refused(ask(cast, "/api/v1/tool-sources/validate", document)))
        assert (answer.status_code, answer["Retry-After"]) == (429, "5")
        assert not any(each.exception() for each in hanging)
    assert ask(cast, "/api/v1/tool-sources/validate", document).status_code == 200


def refused(answer: Any) -> Any:
    return answer if answer.status_code == 429 else None


@override_settings(KEYS_PER_PERSON=3)
def test_nobody_gets_more_requests_a_minute_by_more_and_more_keys(cast: Cast) -> None:
    who = replace(cast.operator.principal, key_id=None)
    made = [create_key(who=who, name="more") for _ in range(2)]
    with pytest.raises(Invalid, match="3 keys of yours are in force"):
        create_key(who=who, name="one too many")
    revoke_key(who=who, key=str(made[0].key.id))
    assert create_key(who=who, name="in its place").secret


@override_settings(ALLOWED_HOSTS=["localhost"])
@pytest.mark.parametrize("origin", ["http://[", "null", "", "http://localhost.evil.example"])
async def test_no_origin_opens_mcp_to_other_sites_nor_breaks_it(origin: str) -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"origin", origin.encode())]
    await application({"type": "http", "path": "/mcp", "method": "POST", "headers": headers}, None, send)
    assert sent[0]["status"] == 403


def test_what_a_run_may_take_at_most_its_forks_and_replays_may_too(cast: Cast) -> None:
    limits: dict[str, Any] = {"tool_calls": 3}
    asked = Submission(query="hi", context={"budget": limits}, limits=limits, agent_tokens=900)
    run = submit_task(principal=cast.owner.principal, submission=asked)
    cancel_task(principal=cast.owner.principal, task=run.id, reason="")
    made = replay_task(principal=cast.owner.principal, task=run.id)
    with tenant_scope(cast.acme.id):
        assert Envelope.objects.get(level="task", owner_id=made.id).tool_calls_limit == 3
        made.refresh_from_db()
    assert made.agent_tokens == 900
