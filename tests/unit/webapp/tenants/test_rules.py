"""Keys and rights."""

import pytest

from webapp.tenants.rules import PERMISSIONS, ROLE_SCOPES, SCOPES, normalised_key


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
