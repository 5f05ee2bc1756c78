"""The browser's process reads its own settings alone, and a wrong one is named."""

from __future__ import annotations

import sys

import pytest

from webapp.common.addresses import AddressRefused
from workers.browser.settings import SettingInvalid, needless, read

GIVEN = {"HARTLEY_BROWSER_TOKEN": "t" * 32, "HARTLEY_BROWSER_PROGRAM": sys.executable}


def test_as_shipped_nothing_inner_is_reached_and_no_scripts_run() -> None:
    settings = read(GIVEN)
    assert not settings.evaluate and settings.idle_s == 300
    for url in ("http://127.0.0.1/", "http://example.com:8080/"):
        with pytest.raises(AddressRefused):
            settings.reach.target(url)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HARTLEY_BROWSER_TOKEN", "short"),
        ("HARTLEY_BROWSER_PROGRAM", "/no/such/program"),
        ("HARTLEY_BROWSER_WINDOWS", "0"),
        ("HARTLEY_BROWSER_IDLE_S", "soon"),
        ("HARTLEY_BROWSER_EVALUATE", "perhaps"),
        ("HARTLEY_WEB_PORTS", "80,http"),
        ("HARTLEY_WEB_ALLOW", "10.0.0.0/99"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingInvalid, match=name):
        read(GIVEN | {name: value})


def test_what_others_need_is_dropped() -> None:
    others = {"HARTLEY_SECRET_KEY", "HARTLEY_DB_APP_URL", "REDIS_URL", "OPENAI_API_KEY", "HARTLEY_ENCRYPTION_KEYS"}
    assert needless({**GIVEN, **dict.fromkeys([*others, "PATH", "HARTLEY_WEB_PORTS"], "x")}) == others
