"""Keys: made with what one may do oneself, shown once, revoked; what was typed is kept."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.pages import at_most, signed_in
from webapp.tenants.selectors import principal_of_key


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def made(client: Client, name: str, **more: object) -> tuple[str, str]:
    """The secret, and the key's id."""
    page = client.post("/keys", {"name": name, "scopes": ["workflows:read"], "expires_in_days": "30", **more})
    text = page.content.decode()
    secret = re.search(r'id="secret">(sk_[0-9a-f]{64})<', text)
    key = re.search(rf"<strong>{name}</strong>.*?/keys/([0-9a-f-]{{36}})/revoke", text, re.DOTALL)
    assert secret and key, text
    assert "no-store" in page["Cache-Control"], "a browser's cache is no place for a secret"
    return secret[1], key[1]


def test_a_key_has_the_chosen_scopes_and_is_shown_once(cast: Cast) -> None:
    client = signed_in(cast.user)
    secret, _ = made(client, "reader")
    found = principal_of_key(secret)
    assert found is not None and found.scopes == {"workflows:read"} and found.user_id == cast.user.user.id
    assert secret not in client.get("/keys").content.decode()


def test_a_revoked_key_opens_nothing(cast: Cast) -> None:
    client = signed_in(cast.user)
    secret, key = made(client, "to be revoked")
    assert client.post(f"/keys/{key}/revoke").status_code == 302
    assert principal_of_key(secret) is None
    assert "The key to be revoked is revoked" in client.get("/keys").content.decode()


def test_nobody_gives_more_than_they_have(cast: Cast) -> None:
    client = signed_in(cast.user)
    assert 'value="users:manage"' not in client.get("/keys").content.decode()
    answer = client.post("/keys", {"name": "greedy", "scopes": ["workflows:read", "users:manage"]})
    page = answer.content.decode()
    assert answer.status_code == 400 and "You don&#x27;t have users:manage" in page
    assert 'value="greedy"' in page and 'value="workflows:read" checked' in page, "what was typed is kept"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " ", "scopes": "workflows:read"}, "name"),
        ({"name": "none", "expires_in_days": "30"}, "scopes"),
        ({"name": "long", "scopes": "workflows:read", "expires_in_days": "9" * 5000}, "expires_in_days"),
        ({"name": "odd", "scopes": "workflows:read", "expires_in_days": "soon"}, "expires_in_days"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(fields: dict[str, str], field: str, cast: Cast) -> None:
    answer = signed_in(cast.user).post("/keys", fields)
    assert answer.status_code == 400
    assert re.search(rf'data-error="{field}">\w[^<]+</p>', answer.content.decode())


def test_whose_keys_are_seen_and_revoked(cast: Cast) -> None:
    _, key = made(signed_in(cast.owner), "of the owner")
    for person in (cast.user, cast.operator, cast.stranger):
        client = signed_in(person)
        assert "of the owner" not in client.get("/keys").content.decode()
        assert client.post(f"/keys/{key}/revoke").status_code == 404
    admin = signed_in(cast.admin)
    assert "of the owner" in admin.get("/keys").content.decode()
    assert admin.post(f"/keys/{key}/revoke").status_code == 302


def test_keys_that_work_come_first_and_many_cost_no_more_queries(cast: Cast) -> None:
    client = signed_in(cast.stranger)
    made(client, "the old one")
    for number in range(10):
        made(client, f"number {number}")
    _, newest = made(client, "the newest")
    client.post(f"/keys/{newest}/revoke")
    with at_most(12):
        page = client.get("/keys").content.decode()
    assert page.index("<strong>the old one") < page.index("<strong>the newest")
