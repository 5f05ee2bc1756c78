"""The page Tools tells which tools are left alone: a tenant's own to that tenant, the platform's to its operators."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.support.cast import Cast, operate_platform
from tests.support.pages import signed_in
from webapp.common.breakers import PLATFORM, TOOL_BREAKERS
from webapp.orchestration import dispatch


def keep(whose: str, tool: str, **change: object) -> None:
    now = time.time()
    state = {"state": "open", "failures": 5, "till": now + 899, "generation": now, "error": "far.away", "probes": 0}
    body = json.dumps({**state, **change})
    dispatch.redis().hset(TOOL_BREAKERS.format(whose=whose), f"{whose}/{tool}", body)


@pytest.fixture(autouse=True)
def _failing(cast: Cast) -> Iterator[None]:
    keep(str(cast.acme.id), "own_search")
    keep(str(cast.acme.id), "own_mended", state="closed", failures=0, generation="0")
    keep(PLATFORM, "web_search")
    yield
    dispatch.redis().delete(*(TOOL_BREAKERS.format(whose=whose) for whose in (cast.acme.id, PLATFORM)))


def test_a_tenant_sees_its_own(cast: Cast) -> None:
    page = signed_in(cast.owner).get("/tools").content.decode()
    assert "own_search" in page and page.count("probe in 15 min") == 1 and "far.away" in page
    assert "own_mended" not in page and "web_search" not in page


def test_those_who_operate_the_platform_see_its_tools_too(cast: Cast) -> None:
    operate_platform(cast.acme)
    try:
        page = signed_in(cast.operator).get("/tools").content.decode()
        assert "web_search" in page and "own_search" in page
    finally:
        operate_platform(cast.acme, False)


def test_another_tenant_sees_nothing_of_it(cast: Cast) -> None:
    page = signed_in(cast.stranger).get("/tools").content.decode()
    assert "own_search" not in page and "Tools that fail" not in page
