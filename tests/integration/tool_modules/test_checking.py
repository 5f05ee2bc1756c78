"""Uploads are checked by workers: once each, whatever becomes of the worker, and never by two at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from sandbox.limits import Limits
from sandbox.module_limits import CompileLimits
from sandbox.modules import Modules
from tests.integration.tool_modules.conftest import Api
from tests.support.cast import Cast
from tests.support.modules import of_text, slow
from tests.support.services import Services
from tests.support.threads import apart
from webapp.common.tenancy import tenant_scope
from webapp.tool_modules import checks
from webapp.tool_modules.checks import Checked
from webapp.tool_modules.models import ModuleVersion
from workers.module_checks import Checker
from workers.services import services as of_workers

ALIEN = '(module (import "env" "system" (func (param i32))) (memory (export "memory") 1) (func (export "_start")))'


@pytest.fixture
def checker(tmp_path: Path) -> Checker:
    limits = CompileLimits(compile_s=1.0)
    return Checker(Modules(tmp_path / "kept", limits=limits, running=Limits()), of_workers().tools)


@pytest.fixture
def later(services: Services) -> Callable[[], None]:
    def all_leases_are_over() -> None:
        with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
            admin.execute("UPDATE tool_modules_moduleversion SET claimed_until = clock_timestamp()")

    return all_leases_are_over


def versions(crew: Cast) -> list[tuple[int, str, str]]:
    with tenant_scope(crew.acme.id):
        rows = ModuleVersion.objects.order_by("module__name", "number")
        return [(row.number, row.state, row.reason) for row in rows.defer("wasm")]


async def test_a_round_checks_all_that_wait_and_tells_what_is_wrong(crew: Cast, checker: Checker) -> None:
    api = Api(crew.owner)
    for name, module in (("a", None), ("b", of_text(ALIEN)), ("c", slow()), ("calculator", None)):
        answer = await apart(api.upload, module, name=name)
        assert answer.status_code == 202, answer.content
    await asyncio.gather(checker.round(), checker.round())
    found = await apart(versions, crew)
    assert found[0] == (1, "ready", "")
    assert found[1][1] == "refused" and "'env.system'" in found[1][2]
    assert found[2][1:] == ("refused", "Compiling it takes longer than 1 s.")
    assert found[3][1] == "refused" and "Hartley's own is called 'calculator'" in found[3][2]
    assert (await apart(api.one, "a"))["version"] == 1 and (await apart(api.one, "b"))["version"] == 0


async def test_a_lost_worker_costs_a_repetition_and_one_that_is_always_lost_the_module(
    crew: Cast, checker: Checker, later: Callable[[], None]
) -> None:
    await apart(Api(crew.owner).upload)
    first = await apart(checks.claim)
    assert first and await apart(checks.claim) is None, "its claim holds until the lease is over"
    await apart(later)
    second = await apart(checks.claim)
    assert second and not await apart(checks.record, first, Checked("late")), "what a lost claim says late is not kept"
    await apart(later)
    await checker.round()
    assert await apart(versions, crew) == [(1, "ready", "")]
    await apart(Api(crew.owner).upload)
    for _ in range(checks.TRIES):
        assert await apart(checks.claim)
        await apart(later)
    await checker.round()
    assert (await apart(versions, crew))[1] == (2, "refused", "Each worker that checked it was lost.")


async def test_what_the_platform_lacks_is_not_the_modules_fault(crew: Cast, checker: Checker, tmp_path: Path) -> None:
    await apart(Api(crew.owner).upload)
    (tmp_path / "kept").touch()  # no folder can be made there
    for _ in range(checks.TRIES + 1):
        await checker.round()
    assert await apart(versions, crew) == [(1, "checking", "")]
    (tmp_path / "kept").unlink()
    await checker.round()
    assert await apart(versions, crew) == [(1, "ready", "")]
