"""What protects a person at a browser: cookies, CSRF, HSTS, where a sign-in leads, when a session ends."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from tests.support.cast import PASSWORD, Cast, make_cast, person
from tests.support.pages import signed_in
from webapp.common.tenancy import tenant_scope
from webapp.tenants.models import Role, SignInAttempt, User


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def _no_attempt_counts() -> None:
    SignInAttempt.objects.all().delete()


def test_every_answer_over_https_binds_browsers_to_it() -> None:
    answer = Client().get("/sign-in", secure=True)
    assert int(answer["Strict-Transport-Security"].split("=")[1].split(";")[0]) >= 31_536_000
    assert answer["X-Frame-Options"] == "DENY" and answer["X-Content-Type-Options"] == "nosniff"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites(cast: Cast) -> None:
    cookie = signed_in(cast.user).cookies["hartley_session"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


@pytest.mark.parametrize("path", ["/sign-in", "/tasks/new", "/keys", "/sign-out", "/admin/tenants/user/add/"])
def test_a_form_of_another_site_does_nothing(path: str, cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in(cast.admin).cookies
    answer = client.post(path, {"query": "forged", "name": "forged"})
    assert answer.status_code == 403 and b"reload it and try again" in answer.content


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", "evil"]
)
def test_a_sign_in_leads_nowhere_else(wanted: str, cast: Cast) -> None:
    body = {"email": cast.user.user.email, "password": PASSWORD, "next": wanted}
    assert Client().post("/sign-in", body)["Location"] == "/"
    assert Client().post("/sign-in", {**body, "next": "/tasks?q=1"})["Location"] == "/tasks?q=1"


def test_a_new_password_ends_the_sessions_of_the_old_one(cast: Cast) -> None:
    who = person(cast.acme, "mover", Role.USER)
    client = signed_in(who)
    assert client.get("/").status_code == 200
    with tenant_scope(cast.acme.id):
        user = User.objects.get(id=who.user.id)
        user.set_password("another long passphrase")
        user.save(update_fields=["password"])
    assert client.get("/")["Location"].startswith("/sign-in")


@override_settings(LOCK_OUT_PER_EMAIL=2)
def test_the_page_locks_out_whoever_guesses_and_says_for_how_long(cast: Cast) -> None:
    body = {"email": cast.operator.user.email, "password": "guess"}
    answers = [Client().post("/sign-in", body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert b"try again in" in answers[2].content


def test_signing_out_ends_the_session_on_the_server_too(cast: Cast) -> None:
    client = signed_in(cast.user)
    kept = client.cookies["hartley_session"].value
    client.post("/sign-out")
    copied = Client()
    copied.cookies["hartley_session"] = kept
    assert copied.get("/").status_code == 302
