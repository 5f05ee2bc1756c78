"""Guessing is slowed down, whatever the spelling and however many guess at once; waiting as told ends it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client, override_settings

from tests.support.cast import PASSWORD, Cast
from webapp.tenants.models import SignInAttempt
from webapp.tenants.sign_in import BadCredentials, LockedOut, sign_in

HOME = "192.0.2.7"


def guess(email: str, password: str = "a guess", address: str = HOME) -> str:
    try:
        sign_in(email=email, password=password, address=address)
        return "in"
    except BadCredentials:
        return "wrong"
    except LockedOut:
        return "locked"
    finally:
        connection.close()


def pass_time(seconds: float) -> None:
    with connections["system"].cursor() as cursor:
        cursor.execute("UPDATE tenants_signinattempt SET created_at = created_at - %s * interval '1 s'", [seconds])


@override_settings(LOCK_OUT_PER_EMAIL=3)
def test_other_spellings_of_an_address_share_its_count(cast: Cast) -> None:
    email = cast.user.user.email
    spellings = [email, f" {email}", email.upper(), f"{email} ", f"\t{email}"]
    assert [guess(spelling) for spelling in spellings] == ["wrong"] * 3 + ["locked"] * 2
    assert [guess("\0" * n + email, PASSWORD) for n in range(1, 4)] == ["wrong"] * 3, "that is nobody's address"


@override_settings(LOCK_OUT_PER_EMAIL=3)
def test_the_sign_in_page_counts_like_the_api(cast: Cast) -> None:
    email = cast.user.user.email
    for spelling in (email, email.title(), f" {email}"):
        Client().post("/sign-in", {"email": spelling, "password": "a guess"})
    assert Client().post("/sign-in", {"email": f"\0{email}", "password": PASSWORD}).status_code == 401
    assert Client().post("/sign-in", {"email": email, "password": PASSWORD}).status_code == 429


@override_settings(LOCK_OUT_PER_EMAIL=3)
def test_whoever_waits_as_told_gets_in_however_often_they_tried_meanwhile(cast: Cast) -> None:
    email = cast.user.user.email
    for _ in range(3):
        assert guess(email) == "wrong"
        pass_time(10)
    for _ in range(5):
        assert guess(email, PASSWORD) == "locked"
    with pytest.raises(LockedOut) as refused:
        sign_in(email=email, password=PASSWORD, address=HOME)
    assert 800 < refused.value.retry_after_s <= 870
    pass_time(refused.value.retry_after_s)
    assert guess(email, PASSWORD) == "in"


@override_settings(LOCK_OUT_PER_EMAIL=3)
def test_guesses_side_by_side_are_no_more_than_one_after_another(cast: Cast) -> None:
    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(guess, [cast.owner.user.email] * 24))
    assert outcomes.count("wrong") <= 3 and outcomes.count("in") == 0


@override_settings(LOCK_OUT_PER_EMAIL=3, LOCK_OUT_PER_ADDRESS=5)
def test_what_one_network_address_does_locks_nobody_elsewhere_out(cast: Cast) -> None:
    assert [guess(f"{uuid4().hex}@example.com") for _ in range(6)] == ["wrong"] * 5 + ["locked"]
    assert guess(cast.owner.user.email, PASSWORD, "192.0.2.8") == "in"
    assert guess(cast.owner.user.email, PASSWORD) == "locked"
    assert guess(cast.owner.user.email, PASSWORD, "192.0.2.8") == "in", (
        "a refused attempt doesn't count against a person"
    )


def test_addresses_are_kept_as_hashes_and_forgotten_after_the_window(cast: Cast) -> None:
    assert guess(cast.owner.user.email) == "wrong"
    assert cast.owner.user.email.encode() not in [bytes(row.email_sha256) for row in SignInAttempt.objects.all()]
    pass_time(3600)
    assert guess(f"{uuid4().hex}@example.com") == "wrong"
    assert SignInAttempt.objects.count() == 1
