"""A tenant's own keys for providers: sealed at rest, never told again, gone for others, gone soon when removed."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.pages import signed_in
from tests.support.services import Services
from tests.support.threads import apart
from webapp.audit.models import AuditEntry
from webapp.catalogue.models import ProviderKey
from webapp.catalogue.provider_keys import opened_keys
from webapp.catalogue.vault import vault
from webapp.common.encryption import Unsealable
from webapp.common.tenancy import tenant_scope
from workers.tenant_keys import own_keys

KEY = "sk-acme-owns-this-long-key-7Qd4"
SECRET = KEY[:-4]  # what may be seen nowhere
URL = "/api/v1/provider-keys"


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def crew(cast: Cast) -> Iterator[Cast]:
    """Nobody has a key, before and after."""
    yield cast
    for tenant in (cast.acme, cast.globex):
        with tenant_scope(tenant.id):
            ProviderKey.objects.all().delete()


def audited(crew: Cast, newest: int) -> list[tuple[str, str, Any]]:
    with tenant_scope(crew.acme.id):
        rows = AuditEntry.objects.order_by("-id").values_list("action", "subject", "detail")[:newest]
        return list(reversed(rows))


def call(method: str, credential: str, provider: str = "", **body: Any) -> HttpResponse:
    path = f"{URL}/{provider}" if provider else URL
    text = json.dumps(body) if body else ""
    return Client().generic(method, path, text, "application/json", headers={"X-API-Key": credential})  # type: ignore[return-value]


def put(crew: Cast, provider: str = "openai", key: str = KEY) -> HttpResponse:
    return call("PUT", crew.owner.api_key, provider, key=key)


def at_rest(services: Services, crew: Cast) -> list[bytes]:
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
        rows = admin.execute("SELECT sealed FROM catalogue_providerkey WHERE tenant_id = %s", [crew.acme.id]).fetchall()
    return [bytes(row[0]) for row in rows]


def test_a_key_is_set_listed_by_its_end_and_removed(crew: Cast) -> None:
    told = json.loads(put(crew).content)
    assert (told["provider"], told["shown"], told["created_by"]) == ("openai", "7Qd4", crew.owner.user.email)
    assert json.loads(call("GET", crew.admin.api_key).content) == {"keys": [told], "count": 1}
    assert json.loads(put(crew, key="sk-another-long-enough-8888").content)["shown"] == "8888"
    assert json.loads(call("GET", crew.admin.api_key).content)["count"] == 1, "one for each provider"
    assert call("DELETE", crew.admin.api_key, "openai").status_code == 200
    assert call("DELETE", crew.admin.api_key, "openai").status_code == 404


def test_the_secret_is_nowhere_but_sealed(crew: Cast, services: Services, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    answers = [put(crew), call("GET", crew.owner.api_key), call("GET", crew.owner.api_key, "openai")]
    owner = signed_in(crew.owner)
    for page in ("/keys", "/admin/catalogue/providerkey/", "/admin/audit/auditentry/"):
        answers.append(owner.get(page))
    with tenant_scope(crew.acme.id):
        row = ProviderKey.objects.get()
    answers.append(owner.get(f"/admin/catalogue/providerkey/{row.id}/change/"))
    for answer in answers:
        assert answer.status_code == 200 and SECRET not in answer.content.decode()
        assert bytes(row.sealed).decode() not in answer.content.decode()
    assert audited(crew, 1) == [("provider_key.set", "openai", {})]
    assert SECRET not in caplog.text
    sealed = at_rest(services, crew)
    assert len(sealed) == 1 and SECRET.encode() not in sealed[0]


@pytest.mark.parametrize(
    "key", ["", "short", "with a space in it", "line\nbreak-in-a-header", "ключ-ключ-ключ", 7, None, "x" * 501]
)
def test_what_can_be_no_key_is_refused_without_repeating_it(key: Any, crew: Cast) -> None:
    answer = put(crew, key=key)
    assert answer.status_code == 400 and b"8 to 500 characters" in answer.content
    assert not key or len(str(key)) < 3 or str(key).encode() not in answer.content
    for odd in ("Open AI", "x" * 61, "nöpe"):
        assert put(crew, odd).status_code == 400


def test_the_other_tenant_finds_nothing(crew: Cast) -> None:
    put(crew)
    assert json.loads(call("GET", crew.stranger.api_key).content)["count"] == 0
    assert call("GET", crew.stranger.api_key, "openai").status_code == 404
    assert call("DELETE", crew.stranger.api_key, "openai").status_code == 404
    with tenant_scope(crew.globex.id):
        assert not ProviderKey.objects.exists() and opened_keys(crew.globex.id) == {}


def test_a_row_copied_to_another_tenant_or_provider_does_not_open(crew: Cast, services: Services) -> None:
    put(crew)
    copy = (
        "INSERT INTO catalogue_providerkey (provider, sealed, shown, created_by, tenant_id) VALUES (%s, %s, '', '', %s)"
    )
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
        [sealed] = at_rest(services, crew)
        admin.execute(copy, ["openai", sealed, crew.globex.id])
        admin.execute(copy, ["anthropic", sealed, crew.acme.id])
    for tenant in (crew.globex.id, crew.acme.id):
        with tenant_scope(tenant), pytest.raises(Unsealable):
            opened_keys(tenant)


@pytest.fixture
def changed_keys(settings: Any) -> Iterator[Any]:
    """Sets the encryption keys for as long as the test lasts."""

    def change(*keys: str) -> None:
        settings.ENCRYPTION_KEYS = list(keys)
        vault.cache_clear()

    was = settings.ENCRYPTION_KEYS
    yield change
    change(*was)


def test_the_encryption_key_is_changed_without_losing_a_key(crew: Cast, services: Services, changed_keys: Any) -> None:
    old, new = services.env["HARTLEY_ENCRYPTION_KEYS"], "n" * 40
    put(crew)
    changed_keys(new, old)
    said = io.StringIO()
    call_command("seal_keys_anew", stdout=said)
    assert "sealed anew" in said.getvalue()
    changed_keys(new)
    with tenant_scope(crew.acme.id):
        assert opened_keys(crew.acme.id) == {"openai": KEY}
    changed_keys(old, new)
    call_command("seal_keys_anew", stdout=said)


def test_keys_that_nothing_opens_are_named(crew: Cast, changed_keys: Any) -> None:
    put(crew)
    changed_keys("x" * 40)
    with pytest.raises(CommandError, match=f"openai of tenant {crew.acme.id}"):
        call_command("seal_keys_anew", stdout=io.StringIO())


async def test_workers_have_the_keys_of_the_tenant_and_a_removed_one_stops_counting_within_a_second(crew: Cast) -> None:
    assert (await apart(put, crew)).status_code == 200
    assert await own_keys(crew.acme.id) == {"openai": KEY}
    assert await own_keys(crew.globex.id) == {}
    assert (await apart(call, "DELETE", crew.owner.api_key, "openai")).status_code == 200
    assert settings.CATALOGUE_LOOK_S <= 1
    await asyncio.sleep(settings.CATALOGUE_LOOK_S)
    assert await own_keys(crew.acme.id) == {}


def test_the_admin_and_the_page_take_a_key_and_remove_it(crew: Cast) -> None:
    admin = signed_in(crew.admin)
    made = admin.post("/admin/catalogue/providerkey/add/", {"provider": "openai", "key": KEY}, follow=True)
    assert "was added successfully" in made.content.decode() and SECRET not in made.content.decode()
    refused = admin.post("/admin/catalogue/providerkey/add/", {"provider": "openai", "key": "spaces in " + KEY})
    assert "8 to 500 characters" in refused.content.decode() and SECRET not in refused.content.decode()
    page = admin.post("/keys/providers", {"provider": "anthropic", "key": KEY}, follow=True).content.decode()
    assert "Calls to anthropic go with your own key now" in page and SECRET not in page
    with tenant_scope(crew.acme.id):
        assert opened_keys(crew.acme.id) == {"openai": KEY, "anthropic": KEY}
        chosen = [str(key.id) for key in ProviderKey.objects.filter(provider="openai")]
    admin.post("/admin/catalogue/providerkey/", {"action": "remove", "_selected_action": chosen})
    admin.post("/keys/providers/anthropic/remove")
    with tenant_scope(crew.acme.id):
        assert opened_keys(crew.acme.id) == {}
    done = [(f"provider_key.{verb}", name, {}) for verb in ("set", "removed") for name in ("openai", "anthropic")]
    assert audited(crew, 4) == done


@pytest.mark.parametrize("role", ["user", "operator"])
def test_only_who_manages_keys_may(role: str, crew: Cast) -> None:
    person = getattr(crew, role)
    client = signed_in(person)
    assert "provider-keys" not in client.get("/keys").content.decode()
    assert client.post("/keys/providers", {"provider": "openai", "key": KEY}).status_code == 403
    assert client.get("/admin/catalogue/providerkey/add/").status_code in (302, 403)
    assert call("PUT", person.api_key, "openai", key=KEY).status_code == 403
