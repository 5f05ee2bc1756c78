"""A sign-in is one chain of tokens: whatever ends it ends all of it, also while it is being spent."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import jwt
import pytest
from django.db import connection
from django.test import Client

from tests.support.cast import PASSWORD, Cast, Person, person
from webapp.common.tenancy import tenant_scope
from webapp.tenants import tokens
from webapp.tenants.models import RefreshToken, Role, SignInAttempt, Tenant, User
from webapp.tenants.tokens import InvalidRefreshToken, issue_tokens, principal_of_access_token, spend_refresh_token


def spent(refresh: str) -> tokens.Tokens | None:
    try:
        return spend_refresh_token(refresh=refresh)[1]
    except InvalidRefreshToken:
        return None
    finally:
        connection.close()


def opens(pair: tokens.Tokens) -> bool:
    return principal_of_access_token(pair.access) is not None


def test_a_reuse_ends_the_access_tokens_of_its_sign_in_and_of_no_other(cast: Cast) -> None:
    other = issue_tokens(principal=cast.owner.principal)
    first = issue_tokens(principal=cast.owner.principal)
    second = spent(first.refresh)
    assert second and opens(first) and opens(second)
    assert spent(first.refresh) is None
    assert not opens(first) and not opens(second) and opens(other)
    assert spent(second.refresh) is None and spent(other.refresh)


def test_of_many_uses_at_once_one_wins_and_none_of_its_tokens_lives_on(cast: Cast) -> None:
    """A thief and the owner race: the chain must not go on for whoever was first."""
    for _ in range(5):
        pair = issue_tokens(principal=cast.owner.principal)
        with ThreadPoolExecutor(6) as threads:
            won = [found for found in threads.map(spent, [pair.refresh] * 6) if found]
        assert len(won) == 1
        assert spent(won[0].refresh) is None and not opens(won[0])


def test_a_reuse_that_comes_between_spending_and_issuing_ends_what_is_issued(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = issue_tokens(principal=cast.owner.principal)
    second = spent(first.refresh)
    assert second
    issue, thief = tokens._issue, threading.Thread(target=spent, args=[first.refresh])

    def slowly(*args: object) -> tokens.Tokens:
        thief.start()
        thief.join(0.5)  # long enough to get past a lock that isn't there
        return issue(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(tokens, "_issue", slowly)
    third = spent(second.refresh)
    thief.join()
    assert third and not opens(third)


def change_password(by: Person, of: Person) -> None:
    client = Client()
    assert client.post("/sign-in", {"email": by.user.email, "password": PASSWORD}).status_code == 302
    form = {"email": of.user.email, "name": of.user.name, "role": of.user.role, "is_active": "on"}
    body = {**form, "new_password": "quite another phrase"}
    assert client.post(f"/admin/tenants/user/{of.user.id}/change/", body).status_code == 302


def test_a_new_password_ends_every_token_from_before(cast: Cast) -> None:
    SignInAttempt.objects.all().delete()
    who = person(cast.acme, "robbed", Role.USER)
    before, bystander = issue_tokens(principal=who.principal), issue_tokens(principal=cast.user.principal)
    change_password(cast.owner, who)
    assert not opens(before) and spent(before.refresh) is None
    assert opens(bystander) and opens(issue_tokens(principal=who.principal))


def test_who_or_whose_tenant_is_switched_off_can_refresh_nothing(cast: Cast) -> None:
    who = person(cast.globex, "leaver", Role.USER)
    first, second = issue_tokens(principal=who.principal), issue_tokens(principal=who.principal)
    with tenant_scope(cast.globex.id):
        Tenant.objects.filter(id=cast.globex.id).update(is_active=False)
    assert spent(first.refresh) is None and not opens(first)
    with tenant_scope(cast.globex.id):
        Tenant.objects.filter(id=cast.globex.id).update(is_active=True)
        User.objects.filter(id=who.user.id).update(is_active=False)
    assert spent(second.refresh) is None and not opens(second)


def test_a_sign_in_clears_away_what_has_expired_and_nothing_else(cast: Cast) -> None:
    who = person(cast.acme, "regular", Role.USER)
    old, current = issue_tokens(principal=who.principal), issue_tokens(principal=who.principal)
    with tenant_scope(cast.acme.id):
        rows = RefreshToken.objects.filter(user=who.user).order_by("id")
        RefreshToken.objects.filter(id=rows[0].id).update(expires_at="2020-01-01T00:00:00Z")
    issue_tokens(principal=who.principal)
    with tenant_scope(cast.acme.id):
        assert RefreshToken.objects.filter(user=who.user).count() == 2
    assert spent(old.refresh) is None and spent(current.refresh)


def test_a_token_names_a_sign_in_of_its_own_person(cast: Cast) -> None:
    pair = issue_tokens(principal=cast.owner.principal)
    claims = jwt.decode(pair.access, options={"verify_signature": False})
    for change in ({"sub": str(cast.user.user.id)}, {"sid": str(cast.user.user.id)}, {"sid": 7}, {"sid": None}):
        assert principal_of_access_token(jwt.encode({**claims, **change}, tokens._key(), "HS256")) is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the key is short for it
        other = jwt.encode(claims, tokens._key(), "HS512")
    assert principal_of_access_token(other) is None
    assert principal_of_access_token(pair.access) == replace(cast.owner.principal, key_id=None)
