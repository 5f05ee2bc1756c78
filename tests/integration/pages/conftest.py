"""Pages in a real browser, over a real farm with Flower."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Browser

from tests.support import browser as browsers
from tests.support.alerts import with_alerts
from tests.support.cast import Cast, operate_platform
from tests.support.documents import LAB, LAB_AT
from tests.support.farm import Farm
from tests.support.services import ROOT
from tests.support.site import Look, budget_of, example_body, forked, pages, with_flower
from tests.support.standing import Standing
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.policies import save_module
from webapp.prompts.release import shipped
from webapp.prompts.services import save_version

ALLOWS = 'package hartley.own\n\nimport rego.v1\n\ndeny contains "no code" if input.point == "nowhere"\n'


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if browsers.chromium() is None:
        pytest.skip("CHROMIUM IS ABSENT and can't be installed here: no page was looked at")
    with browsers.browser() as launched:
        yield launched


@pytest.fixture(scope="session")
def flower() -> tuple[dict[str, str], dict[str, list[str]]]:
    return with_flower()


@pytest.fixture(scope="module")
def farm(standing: Standing, flower: tuple[dict[str, str], dict[str, list[str]]], cast: Cast) -> Farm:
    """No model key is set: the offline provider answers. Acme runs the platform, so it sees Flower."""
    operate_platform(cast.acme)
    return standing.ask(*flower)


@pytest.fixture(scope="module")
def example(farm: Farm, cast: Cast) -> str:
    """A task that has ended, with a table and a chart."""
    body = example_body(ROOT / "examples" / "electricity")
    task = farm.submit(cast.owner.api_key, **body)
    assert farm.finished(cast.owner.api_key, task)["status"] == "TASK_STATUS_COMPLETED"
    return task


@pytest.fixture(scope="module")
def site(farm: Farm, cast: Cast, example: str) -> list[Look]:
    with tenant_scope(cast.acme.id):
        module = save_module(actor=cast.owner.user, name="house_rules", source=ALLOWS)
        save_version(actor=cast.owner.user, name="editor", text=f"{shipped('editor')} Be brief.", note="shorter")
        with_alerts(actor=cast.owner.user, task=UUID(example))
    session = farm.call(cast.owner.api_key, f"/api/v1/tasks/{example}")[1]["session_id"]
    key = cast.owner.api_key
    farm.call(key, f"/api/v1/sessions/{session}/files/notes.md", "# Notes", "PUT")
    farm.call(key, f"/api/v1/sessions/{session}/files/data/in.csv", "a,b", "PUT")
    farm.call(key, "/api/v1/tool-sources", {"name": "lab", "kind": "openapi", "document": LAB, "server": LAB_AT})
    budget = budget_of(farm, key, session)
    return pages(example, forked(farm, key, example), session, str(module.id), budget, "lab")
