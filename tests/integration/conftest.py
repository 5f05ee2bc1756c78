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
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope


@pytest.fixture(scope="session")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def farm(services: Services, sandbox_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """No model key is set: the offline provider answers."""
    running = Farm(services, {}, tmp_path_factory.mktemp("farm"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def provider() -> str:
    """A module that runs over both has a fixture of its own."""
    return "openai"


@pytest.fixture(scope="module")
def connected(
    services: Services,
    sandbox_image: Path,
    model_server: ModelServer,
    provider: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Farm]:
    """A farm whose model is the scripted server, through the provider's official SDK, with the marker tool."""
    folder = tmp_path_factory.mktemp("connected")
    base_url = {"openai": model_server.base_url, "anthropic": model_server.root_url}[provider]
    env = {
        f"{provider.upper()}_BASE_URL": base_url,
        f"{provider.upper()}_API_KEY": "sk-scripted",
        "HARTLEY_EXTRA_TOOLS": "tests.support.marker:MarkerTool",
        "HARTLEY_MARKER_LOG": str(folder / "marks"),
        "HARTLEY_LEASE_S": "3",
        "HARTLEY_HINT_S": "2",
    }
    running = Farm(services, env, folder)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module", autouse=True)
def _no_task_outlives_its_module(cast: Cast) -> Iterator[None]:
    """What a test leaves running would be worked on by the next module's workers."""
    yield
    for tenant in (cast.acme, cast.globex):
        with tenant_scope(tenant.id):
            for task in Task.objects.filter(finished_at=None):
                with connections["default"].cursor() as cursor:
                    cursor.execute("SELECT engine_cancel(%s, 'tests', 'its module has ended')", [task.id])
