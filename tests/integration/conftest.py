"""The cast, and farms of real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from tests.support.cast import Cast, make_cast
from tests.support.farm import Farm
from tests.support.model_server import ModelServer
from tests.support.services import Services
from tests.support.standing import Standing, farm_of
from tests.support.wood import Wood
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def cast() -> Cast:
    return make_cast()


@pytest.hookimpl(tryfirst=True)  # the mark is there when `-m farm` asks for it
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Modules that need a farm come last, those with the same one after each other; before them nothing runs that would do
    the work which tests do themselves.
    """
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    for module in modules.values():
        if place(module):
            for item in module:
                item.add_marker("farm")
    items[:] = [item for module in sorted(modules.values(), key=place) for item in module]


def place(module: list[pytest.Item]) -> int:
    return farm_of(module) if module[0].path.is_relative_to(HERE) else 0


@pytest.fixture(scope="session")
def standing(services: Services, sandbox_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    kept = Standing(services, tmp_path_factory.mktemp("farms"))
    try:
        yield kept
    finally:
        kept.stop()


@pytest.fixture(scope="module")
def farm(standing: Standing) -> Farm:
    """No model key is set: the offline provider answers."""
    return standing.ask({})


@pytest.fixture(scope="session")
def _one_model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def model_server(_one_model_server: ModelServer) -> Iterator[ModelServer]:
    """At the same address for the whole run, since farms know it by that."""
    _one_model_server.reset()
    yield _one_model_server
    _one_model_server.reset()


@pytest.fixture(scope="module")
def provider() -> str:
    """A module that runs over both has a fixture of its own."""
    return "openai"


@pytest.fixture(scope="session")
def wood_site() -> Iterator[Wood]:
    """What the agents of connected farms may read."""
    wood = Wood()
    yield wood
    wood.stop()


@pytest.fixture(scope="module")
def connected(
    standing: Standing,
    model_server: ModelServer,
    provider: str,
    wood_site: Wood,
    tmp_path_factory: pytest.TempPathFactory,
) -> Farm:
    """A farm whose model is the scripted server, through the provider's official SDK, with the marker tool."""
    base_url = {"openai": model_server.base_url, "anthropic": model_server.root_url}[provider]
    env = {
        f"{provider.upper()}_BASE_URL": base_url,
        f"{provider.upper()}_API_KEY": "sk-scripted",
        "HARTLEY_EXTRA_TOOLS": ",".join(
            ("tests.support.marker:MarkerTool", "tests.support.marker:UndoneTool", "tests.support.far_tool:FarTool")
        ),
        "HARTLEY_WEB_ALLOW": "127.0.0.1",
        "HARTLEY_WEB_PORTS": f"80,443,{wood_site.port}",
        "HARTLEY_MARKER_LOG": str(tmp_path_factory.getbasetemp() / "marks"),
        "HARTLEY_LEASE_S": "3",
        "HARTLEY_HINT_S": "2",
    }
    return standing.ask(env)


@pytest.fixture(scope="module", autouse=True)
def _no_task_outlives_its_module(cast: Cast) -> Iterator[None]:
    """What a test leaves running would be worked on by the next module's workers."""
    yield
    for tenant in (cast.acme, cast.globex):
        with tenant_scope(tenant.id):
            for task in Task.objects.filter(finished_at=None):
                with connections["default"].cursor() as cursor:
                    cursor.execute("SELECT engine_cancel(%s, 'tests', 'its module has ended')", [task.id])
