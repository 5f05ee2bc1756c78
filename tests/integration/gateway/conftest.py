"""The gateway against the scripted server, through the real SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_server.server import ModelServer
from workers.gateway import catalogue as module
from workers.gateway.catalogue import Catalogue
from workers.gateway.complete import Gateway
from workers.gateway.providers import build_providers
from workers.gateway.types import ModelRequest

KEY = "sk-acme-0123456789"
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}
SHIPPED = Path(module.__file__).with_name("catalogue.yaml")
Connect = Callable[..., Awaitable[Gateway]]


@pytest.fixture(scope="package")
def _server() -> Iterator[ModelServer]:
    running = ModelServer()
    yield running
    running.stop()


@pytest.fixture
def server(_server: ModelServer) -> ModelServer:
    _server.reset()
    return _server


@pytest.fixture(params=["openai", "anthropic"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def connect(server: ModelServer, protocol: str) -> AsyncIterator[Connect]:
    """A gateway of the shipped catalogue; keyword arguments override the provider's settings."""
    opened: list[Gateway] = []

    async def build(*, base_url: str = "", **settings: object) -> Gateway:
        own = server.base_url if protocol == "openai" else server.base_url.removesuffix("/v1")
        name = protocol.upper()
        environ = {f"{name}_API_KEY": KEY, f"{name}_BASE_URL": base_url or own}
        environ |= {f"CONFIG__PROVIDERS__{name}__{key.upper()}": str(value) for key, value in settings.items()}
        catalogue = Catalogue.load(SHIPPED, environ)
        opened.append(Gateway(catalogue, build_providers(catalogue)))
        return opened[-1]

    yield build
    for gateway in opened:
        await gateway.close()


@pytest.fixture
async def gateway(connect: Connect) -> Gateway:
    return await connect()


@pytest.fixture
def ask(protocol: str) -> Callable[..., ModelRequest]:
    def build(**more: Any) -> ModelRequest:
        base: dict[str, Any] = {"purpose": "turn", "provider": protocol, "model": MODELS[protocol], "query": "Why?"}
        return ModelRequest(**{**base, "messages": [{"role": "user", "content": "Why?"}], "timeout_s": 20, **more})

    return build
