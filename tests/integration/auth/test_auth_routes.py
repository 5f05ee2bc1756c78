"""Register, log in, refresh, me, API keys: the contract's routes, and what they must refuse."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.db import connections
from django.test import Client, override_settings

from tests.support.cast import PASSWORD, Cast, Person, person
from webapp.common.tenancy import tenant_scope
from webapp.tenants import tokens
from webapp.tenants.models import ApiKey, RefreshToken, Role, User


def call(method: str, path: str, body: Any = None, credential: str = "") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {credential}"} if credential else {}
    answer = Client().generic(method, f"/api/v1/auth/{path}", _json(body), "application/json", headers=headers)
    return answer.status_code, answer.json()


def _json(body: Any) -> str:
    return "" if body is None else json.dumps(body)


def login(who: Person) -> dict[str, Any]:
    status, body = call("POST", "login", {"email": who.user.email, "password": PASSWORD})
    assert status == 200, body
    return dict(body)


def test_a_login_gives_a_token_that_opens_the_api_for_half_an_hour(cast: Cast) -> None:
    body = login(cast.owner)
    assert body["expires_in"] == 1800 and body["tier"] == "enterprise" and body["user_id"] == str(cast.owner.user.id)
    status, me = call("GET", "me", credential=body["access_token"])
    assert (status, me["email"], me["role"]) == (200, cast.owner.user.email, "owner")
    as_key = Client().get("/api/v1/tasks", headers={"X-API-Key": body["access_token"]})
    assert as_key.status_code == 200, "either header may carry either kind"


def test_a_wrong_password_and_an_unknown_address_look_the_same(cast: Cast) -> None:
    wrong = call("POST", "login", {"email": cast.owner.user.email, "password": "not it"})
    unknown = call("POST", "login", {"email": "nobody@example.com", "password": "not it"})
    assert wrong == unknown and wrong[0] == 401 and wrong[1]["error"] == "invalid_credentials"


@pytest.mark.parametrize(
    ("change", "claims"),
    [
        ("another key", {}),
        ("no algorithm", {}),
        ("expired", {"exp": 1}),
        ("another issuer", {"iss": "someone"}),
        ("no tenant", {"tenant_id": None}),
    ],
)
def test_a_forged_token_opens_nothing(change: str, claims: dict[str, Any], cast: Cast) -> None:
    true = jwt.decode(login(cast.owner)["access_token"], options={"verify_signature": False})
    body = {name: value for name, value in {**true, **claims}.items() if value is not None}
    key, algorithm = ("k" * 32, "HS256") if change == "another key" else (tokens._key(), "HS256")
    forged = jwt.encode(body, None, "none") if change == "no algorithm" else jwt.encode(body, key, algorithm)
    assert call("GET", "me", credential=forged)[0] == 401


def test_another_tenants_id_in_a_token_does_not_find_its_rows(cast: Cast) -> None:
    body = jwt.decode(login(cast.owner)["access_token"], options={"verify_signature": False})
    swapped = jwt.encode({**body, "tenant_id": str(cast.globex.id)}, tokens._key(), "HS256")
    assert call("GET", "me", credential=swapped)[0] == 401


def test_who_is_switched_off_or_demoted_feels_it_at_once(cast: Cast) -> None:
    who = person(cast.acme, "leaver", Role.OPERATOR)
    token = login(who)["access_token"]
    with tenant_scope(cast.acme.id):
        User.objects.filter(id=who.user.id).update(role=Role.USER)
    assert call("GET", "me", credential=token)[1]["role"] == "user"
    with tenant_scope(cast.acme.id):
        User.objects.filter(id=who.user.id).update(is_active=False)
    assert call("GET", "me", credential=token)[0] == 401
    assert call("GET", "me", credential=who.api_key)[0] == 401
    assert call("POST", "login", {"email": who.user.email, "password": PASSWORD})[0] == 401


def test_a_refresh_token_works_once_and_its_reuse_ends_the_whole_chain(cast: Cast) -> None:
    first = login(cast.owner)["refresh_token"]
    status, second = call("POST", "refresh", {"refresh_token": first})
    assert status == 200 and call("GET", "me", credential=second["access_token"])[0] == 200
    other = login(cast.owner)["refresh_token"]
    assert call("POST", "refresh", {"refresh_token": first}) == call("POST", "refresh", {"refresh_token": "nonsense"})
    assert call("POST", "refresh", {"refresh_token": second["refresh_token"]})[0] == 401, "stolen: the chain has ended"
    assert call("POST", "refresh", {"refresh_token": other})[0] == 200, "another sign-in goes on"


def test_an_expired_refresh_token_is_refused(cast: Cast) -> None:
    token = login(cast.owner)["refresh_token"]
    with tenant_scope(cast.acme.id), connections["default"].cursor() as cursor:
        cursor.execute("UPDATE \"tenants_refreshtoken\" SET expires_at = now() - interval '1 s'")
    assert call("POST", "refresh", {"refresh_token": token})[1]["error"] == "invalid_refresh_token"


def test_tokens_and_keys_are_kept_as_hashes_only(cast: Cast) -> None:
    refresh = login(cast.owner)["refresh_token"]
    with tenant_scope(cast.acme.id):
        kept = [bytes(token.token_sha256) for token in RefreshToken.objects.all()]
        keys = [bytes(key.key_sha256) for key in ApiKey.objects.all()]
    assert refresh.encode() not in kept and cast.owner.api_key.encode() not in keys


@override_settings(LOCK_OUT_PER_EMAIL=3)
def test_guessing_locks_the_address_out_even_for_the_right_password_until_time_has_passed(cast: Cast) -> None:
    for _ in range(3):
        assert call("POST", "login", {"email": cast.user.user.email, "password": "guess"})[0] == 401
    status, body = call("POST", "login", {"email": cast.user.user.email.upper(), "password": PASSWORD})
    assert (status, body["error"]) == (429, "locked_out")
    assert login(cast.owner), "others are not"
    with connections["default"].cursor() as cursor:
        cursor.execute("UPDATE tenants_signinattempt SET created_at = created_at - interval '1 hour'")
    assert login(cast.user)


@override_settings(LOCK_OUT_PER_ADDRESS=5)
def test_one_network_address_can_not_try_many_names(cast: Cast) -> None:
    for number in range(5):
        call("POST", "login", {"email": f"{number}@example.com", "password": "guess"})
    answer = Client().post(
        "/api/v1/auth/login",
        {"email": "x@example.com", "password": "guess"},
        "application/json",
        REMOTE_ADDR="127.0.0.1",
    )
    assert answer.status_code == 429 and 1 <= int(answer["Retry-After"]) <= 900


def test_a_newcomer_gets_a_tenant_of_their_own(cast: Cast) -> None:
    email = f"new-{uuid4().hex[:6]}@example.com"
    status, made = call("POST", "register", {"email": email, "password": "a long enough phrase", "full_name": "New"})
    assert status == 200 and made["is_new_user"] and made["tier"] == "free" and made["tenant_id"] != str(cast.acme.id)
    assert call("GET", "me", credential=made["api_key"])[1]["role"] == "owner"
    assert "queues:read" not in call("GET", "me", credential=made["access_token"])[1]["scopes"]
    again = call("POST", "register", {"email": email.upper(), "password": "a long enough phrase"})
    assert again[0] == 400 and again[1]["error"] == "registration_failed"


@pytest.mark.parametrize(
    ("body", "code", "names"),
    [
        ({"email": "no address", "password": "a long enough phrase"}, "invalid_request", "email"),
        ({"email": "a@example.com", "password": "short"}, "invalid_request", "password"),
        ({"email": "a@example.com"}, "invalid_request", "password"),
        ({"provider": "google", "token": "t"}, "unsupported_provider", "provider"),
        (["list"], "invalid_request", "body"),
    ],
)
def test_a_registration_that_can_not_be_says_why(body: Any, code: str, names: str) -> None:
    status, answer = call("POST", "register", body)
    assert (status, answer["error"]) == (400, code) and names in answer["message"]


@override_settings(REGISTRATION="closed")
def test_registration_can_be_closed() -> None:
    body = {"email": f"{uuid4().hex}@example.com", "password": "a long enough phrase"}
    assert call("POST", "register", body)[1]["error"] == "registration_failed"


def test_a_key_is_shown_once_and_has_no_more_rights_than_its_maker(cast: Cast) -> None:
    token = login(cast.user)["access_token"]
    status, made = call("POST", "api-keys", {"name": "ci", "scopes": ["workflows:read"]}, token)
    assert status == 201 and made["api_key"].startswith("sk_")
    assert call("GET", "me", credential=made["api_key"])[1]["scopes"] == ["workflows:read"]
    submit = Client().post("/api/v1/tasks", {"query": "hi"}, "application/json", headers={"X-API-Key": made["api_key"]})
    assert submit.status_code == 403
    listed = call("GET", "api-keys", credential=token)[1]["keys"]
    assert made["id"] in {key["id"] for key in listed} and made["api_key"] not in str(listed)
    status, refused = call("POST", "api-keys", {"name": "more", "scopes": ["users:manage"]}, token)
    assert status == 400 and "users:manage" in refused["message"]


def test_a_key_without_the_right_can_make_no_other_key_and_a_short_lived_one_no_longer_lived(cast: Cast) -> None:
    token = login(cast.owner)["access_token"]
    plain = call("POST", "api-keys", {"name": "plain", "scopes": ["workflows:read"]}, token)[1]["api_key"]
    assert call("POST", "api-keys", {"name": "child"}, plain)[0] == 403
    maker = call("POST", "api-keys", {"name": "maker", "expires_in_days": 1}, token)[1]
    child = call("POST", "api-keys", {"name": "child", "expires_in_days": 100}, maker["api_key"])[1]
    assert child["expires_at"] == maker["expires_at"]


def test_a_revoked_or_replaced_key_opens_nothing(cast: Cast) -> None:
    token = login(cast.user)["access_token"]
    made = call("POST", "api-keys", {"name": "old"}, token)[1]
    status, fresh = call("POST", "refresh-key", credential=made["api_key"])
    assert status == 200 and fresh["previous_key_revoked"]
    assert call("GET", "me", credential=made["api_key"])[0] == 401
    assert call("GET", "me", credential=fresh["api_key"])[0] == 200
    mine = next(
        key for key in call("GET", "api-keys", credential=token)[1]["keys"] if key["is_active"] and key["name"] == "old"
    )
    assert call("DELETE", f"api-keys/{mine['id']}", credential=token)[0] == 200
    assert call("GET", "me", credential=fresh["api_key"])[0] == 401
    assert call("DELETE", f"api-keys/{mine['id']}", credential=token)[0] == 404


def test_anothers_key_is_not_there_for_a_user_nor_for_the_other_tenant(cast: Cast) -> None:
    with tenant_scope(cast.acme.id):
        key = ApiKey.objects.filter(user=cast.owner.user).order_by("id")[0]
    for who in (cast.user, cast.stranger):
        token = login(who)["access_token"]
        assert call("DELETE", f"api-keys/{key.id}", credential=token)[0] == 404
        assert str(key.id) not in str(call("GET", "api-keys", credential=token)[1])
    assert str(key.id) in str(call("GET", "api-keys", credential=login(cast.admin)["access_token"])[1])


def test_an_expired_key_opens_nothing(cast: Cast) -> None:
    made = call("POST", "api-keys", {"name": "brief", "expires_in_days": 1}, login(cast.user)["access_token"])[1]
    with tenant_scope(cast.acme.id), connections["default"].cursor() as cursor:
        cursor.execute("UPDATE \"tenants_apikey\" SET expires_at = now() - interval '1 s' WHERE id = %s", [made["id"]])
    assert call("GET", "me", credential=made["api_key"])[0] == 401


def test_a_tenant_that_is_switched_off_can_do_nothing(cast: Cast) -> None:
    token = login(cast.stranger)["access_token"]
    with tenant_scope(cast.globex.id), connections["default"].cursor() as cursor:
        cursor.execute('UPDATE "tenants_tenant" SET is_active = false')
    try:
        assert call("GET", "me", credential=token)[0] == 401
        assert call("GET", "me", credential=cast.stranger.api_key)[0] == 401
    finally:
        with tenant_scope(cast.globex.id), connections["default"].cursor() as cursor:
            cursor.execute('UPDATE "tenants_tenant" SET is_active = true')


def test_open_routes_are_limited_by_network_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)  # one calendar minute, of its own
    address = f"10.0.{time.monotonic_ns() % 250}.{time.monotonic_ns() // 250 % 250}"
    answers = [
        Client().post("/api/v1/auth/login", {}, "application/json", REMOTE_ADDR=address).status_code for _ in range(32)
    ]
    assert answers == [400] * 30 + [429] * 2
