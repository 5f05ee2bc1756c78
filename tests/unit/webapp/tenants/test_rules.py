"""Keys and rights."""

import pytest

from webapp.tenants.rules import PERMISSIONS, ROLE_SCOPES, SCOPES, locked_s, normalised_key


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("sk-shannon-abcdefgh", "sk_abcdefgh"),
        ("sk-shannon-sk_abcdefgh", "sk_abcdefgh"),
        ("abcdefgh", "sk_abcdefgh"),
        (" sk_abcdefgh ", "sk_abcdefgh"),
        ("abcd", None),
        ("", None),
    ],
)
def test_keys_are_read_in_every_form(given: str, key: str | None) -> None:
    assert normalised_key(given) == key


def test_an_ordinary_user_neither_manages_nor_runs_code() -> None:
    assert not any(scope.endswith(":manage") for scope in ROLE_SCOPES["user"])
    assert "code_execution" not in PERMISSIONS["user"]
    assert ROLE_SCOPES["owner"] == set(SCOPES)


@pytest.mark.parametrize(
    ("left_s", "wait_s"),
    [
        ([900.0], 0),
        ([10.0, 20.0, 900.0], 0),
        ([10.0, 20.0, 30.0, 900.0], 10),
        ([10.0, 20.0, 30.0, 40.0, 900.0], 20),
    ],
)
def test_one_waits_until_as_many_attempts_are_forgotten_as_are_too_many(left_s: list[float], wait_s: float) -> None:
    assert locked_s(left_s, 3) == wait_s
