"""What is said of tools in the admin: who may, what is refused, and that workers go by it within two seconds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import ProgrammingError
from django.test import Client

from tests.support.cast import Cast, make_cast, operate_platform
from tests.support.farm import Farm, eventually
from tests.support.pages import at_most, signed_in
from webapp.audit.models import AuditEntry
from webapp.common.tenancy import tenant_scope
from webapp.tool_settings.models import ToolSetting
from workers.tool_settings import ToolsInForce
from workers.toolbox.errors import ToolUnknown
from workers.toolbox.registry import load_registry

PAGE = "/admin/tool_settings/toolsetting/"
ROLES = ("user", "operator", "admin", "owner", "stranger")
IN_FORCE_S = 2.0


@pytest.fixture(scope="module")
def cast() -> Cast:
    """Acme operates the platform; Globex does not."""
    cast = make_cast()
    operate_platform(cast.acme)
    return cast


@pytest.fixture(scope="module")
def clients(cast: Cast) -> dict[str, Client]:
    return {role: signed_in(getattr(cast, role)) for role in ROLES}


@pytest.fixture(autouse=True)
def _as_declared_again(cast: Cast) -> Iterator[None]:
    """Rows can't be removed, so what is left says nothing."""
    yield
    with tenant_scope(cast.acme.id):
        nothing = dict.fromkeys(("dangerous", "price_usd", "rate_per_minute", "concurrency", "timeout_s"))
        ToolSetting.objects.update(is_enabled=True, **nothing)


def put(client: Client, name: str, **said: Any) -> str:
    """As the form sends it; a box that is not ticked is not sent."""
    there = ToolSetting.objects.filter(name=name).exists()
    said = {"name": name, "is_enabled": "on", "dangerous": "unknown", **said}
    if not said["is_enabled"]:
        del said["is_enabled"]
    page = f"{PAGE}{name}/change/" if there else f"{PAGE}add/"
    return client.post(page, said, follow=True).content.decode()


def test_only_the_people_of_the_platform_see_the_page_and_only_some_of_them_change_it(
    clients: dict[str, Client],
) -> None:
    seen = {role: clients[role].get(PAGE).status_code == 200 for role in ROLES}
    assert seen == {"user": False, "operator": True, "admin": True, "owner": True, "stranger": False}
    added = {role: clients[role].get(f"{PAGE}add/").status_code == 200 for role in ROLES}
    assert added == {"user": False, "operator": False, "admin": True, "owner": True, "stranger": False}
    with at_most(20):
        clients["owner"].get(PAGE)


def test_the_database_lets_nobody_else_write_it_and_everybody_read_it(cast: Cast, clients: dict[str, Client]) -> None:
    put(clients["owner"], "calculator", price_usd="0.5")
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(cast.globex.id):
        ToolSetting.objects.create(name="python_executor", is_enabled=False)
    with tenant_scope(cast.globex.id):
        assert ToolSetting.objects.filter(name="calculator").update(is_enabled=False) == 0
        assert ToolSetting.objects.get(name="calculator").price_usd == Decimal("0.5")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"name": "os:system()"}, "up to 64 letters"),
        ({"price_usd": "-1"}, "greater than or equal to 0"),
        ({"timeout_s": "0"}, "greater than or equal to 0.001"),
        ({"rate_per_minute": "-5"}, "greater than or equal to 0"),
    ],
)
def test_what_makes_no_sense_comes_back_with_its_field(clients: dict[str, Client], said: Any, told: str) -> None:
    body = put(clients["owner"], **{"name": "fresh", **said})
    assert told in body and not ToolSetting.objects.filter(name__in=("fresh", said.get("name"))).exists()


def test_a_change_is_in_force_in_two_seconds_and_written_down(cast: Cast, clients: dict[str, Client]) -> None:
    workers = ToolsInForce(load_registry(), look_s=0.05)
    workers.follow()
    try:
        put(clients["owner"], "calculator", price_usd="0.25", rate_per_minute="7", timeout_s="3", dangerous="true")
        eventually(lambda: workers.tools.get("calculator").dangerous)
        assert settings.MODULE_LOOK_S <= IN_FORCE_S / 2, "what is read must also get through"
        tool = workers.tools.get("calculator")
        assert (tool.price_usd, tool.rate_per_minute, tool.timeout_s) == (Decimal("0.25"), 7, 3.0)
        put(clients["owner"], "calculator", is_enabled="")
        eventually(lambda: "calculator" not in {tool.name for tool in workers.tools})
        with pytest.raises(ToolUnknown, match="'calculator' is switched off"):
            workers.tools.get("calculator")
        put(clients["owner"], "calculator")
        eventually(lambda: "calculator" in {tool.name for tool in workers.tools})
        assert workers.tools.get("calculator").price_usd == 0, "as it is declared"
    finally:
        workers.end()
    with tenant_scope(cast.acme.id):
        assert AuditEntry.objects.filter(action="toolsetting.changed", subject="calculator").exists()


def test_agents_and_plans_go_by_it(connected: Farm, cast: Cast, clients: dict[str, Client]) -> None:
    step = {"id": "a", "kind": "tool", "tool": "marker", "arguments": {"text": "no"}}

    def run() -> dict[str, Any]:
        task = connected.submit(cast.owner.api_key, "Mark it", context={"plan": {"steps": [step]}})
        return connected.finished(cast.owner.api_key, task)

    put(clients["owner"], "marker", is_enabled="")
    failed = eventually(lambda: (done := run())["status"] == "TASK_STATUS_FAILED" and done)
    assert failed["error_code"] == "tool.unknown", failed
    put(clients["owner"], "marker", price_usd="0.125")
    done = eventually(lambda: (done := run())["status"] == "TASK_STATUS_COMPLETED" and done)
    assert done["usage"]["cost_usd"] == pytest.approx(0.125)
