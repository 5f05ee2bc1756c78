"""Valid JSON that Postgres can't keep breaks nothing, and a failure of ours tells no secret."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest
from django.test import Client

from tests.support.cast import Cast
from webapp.api import auth
from webapp.common import logs


def post(path: str, body: str, key: str = "") -> int:
    headers = {"X-API-Key": key} if key else {}
    return Client().post(f"/api/v1/{path}", body, "application/json", headers=headers).status_code


@pytest.mark.parametrize("odd", ["\\ud800", "\\u0000", "half \\udc00 a pair"])
def test_odd_text_in_any_field_is_no_server_error(odd: str, cast: Cast) -> None:
    fresh = f'"email": "{uuid4().hex}@example.com", "password": "a long enough phrase"'
    assert post("auth/login", f'{{"email": "{odd}@x.com", "password": "x"}}') == 401
    assert post("auth/login", f'{{"email": "{cast.user.user.email}", "password": "{odd}"}}') == 401
    assert post("auth/refresh", f'{{"refresh_token": "{odd}"}}') == 401
    assert post("auth/register", f'{{{fresh}, "full_name": "{odd}"}}') == 200
    assert post("auth/api-keys", f'{{"name": "{odd}"}}', cast.owner.api_key) == 201
    assert post("auth/api-keys", f'{{"name": "x", "scopes": ["{odd}"]}}', cast.owner.api_key) == 400
    assert post("tasks", f'{{"query": "a {odd}"}}', cast.owner.api_key) == 200
    assert post("tasks", f'{{"query": "a", "context": {{"{odd}": ["{odd}"]}}}}', cast.owner.api_key) == 200


@pytest.mark.parametrize("name", ['{"a": 1}', "[1]", "7"])
def test_a_name_that_is_no_text_is_refused(name: str) -> None:
    body = f'{{"email": "{uuid4().hex}@example.com", "password": "a long enough phrase", "full_name": {name}}}'
    assert post("auth/register", body) == 400


def test_a_failure_of_ours_answers_in_the_routes_form_and_writes_no_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*, email: str, password: str, address: str) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(auth, "sign_in", broken)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure()
    try:
        answer = Client().post(
            "/api/v1/auth/login", {"email": "a@x.com", "password": "hunter2 hunter2"}, "application/json"
        )
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert answer.status_code == 500 and answer.json()["error"] == "internal_error" and answer.json()["message"]
    printed = capsys.readouterr().out
    assert "request.failed" in printed and "hunter2" not in printed
