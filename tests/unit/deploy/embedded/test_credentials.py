"""The login survives a restart; a damaged file says how to go on; the welcome can be pasted."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from deploy.embedded.credentials import Credentials, read_login, write_credentials
from deploy.embedded.home import CannotStart
from deploy.embedded.welcome import block, curl

LOGIN = {"tenant_id": "t", "email": "e@x", "password": "p", "api_key": "sk_1"}
ADDRESSES = {
    "url": "http://h:1",
    "flower_url": "http://h:2",
    "redis_url": "redis://h",
    "database_url": "postgresql://h",
}
CREDENTIALS: Credentials = {**LOGIN, **ADDRESSES}  # type: ignore[typeddict-item]


def test_the_login_is_read_back_from_the_whole_file(tmp_path: Path) -> None:
    write_credentials(tmp_path / "credentials.json", CREDENTIALS)
    assert read_login(tmp_path / "credentials.json") == LOGIN


def test_no_file_is_no_login(tmp_path: Path) -> None:
    assert read_login(tmp_path / "credentials.json") is None


@pytest.mark.parametrize("text", ["", "[]", '{"email": "e@x"}'])
def test_a_damaged_file_says_how_to_go_on(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(text)
    with pytest.raises(CannotStart, match="is damaged; remove it"):
        read_login(path)


def test_the_welcome_names_the_addresses_the_login_and_a_line_to_paste() -> None:
    shown = block(CREDENTIALS, Path("/d/credentials.json"))
    for part in ("http://h:1/api/v1", "e@x  p", "/d/credentials.json", curl(CREDENTIALS)):
        assert part in shown
    assert shlex.split(curl(CREDENTIALS))[-1] == '{"query": "What is (12.5 + 7.5) * 3?"}'
