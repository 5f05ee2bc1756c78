"""The gateway against the scripted server, through the real SDKs: each test runs once per protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
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
SHIPPED = Path(module.__file__).with_name("catalogue.yaml")
Connect = Callable[..., Awaitable[Gateway]]


@dataclass(frozen=True)
class Protocol:
    """A provider of the shipped catalogue, with two of its models, the path its base URL ends in, and its protocol."""

    provider: str
    small: str
    other: str
    ends_in: str
    name: str

    def environ(self, server: ModelServer) -> dict[str, str]:
        name = self.provider.upper()
        address = {f"{name}_BASE_URL": server.root_url + self.ends_in}
        return {**address, f"CONFIG__PROVIDERS__{name}__PROTOCOL": self.name}


PROTOCOLS = [
    Protocol("openai", "gpt-4o-mini", "gpt-4o", "/v1", "openai"),
    Protocol("anthropic", "claude-haiku-5-5", "claude-sonnet-5-5", "", "anthropic"),
    Protocol("openai", "gpt-4o-mini", "gpt-4o", "/v1", "responses"),
]


@pytest.fixture(params=PROTOCOLS, ids=lambda protocol: protocol.name)
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.param
    return found


@pytest.fixture(scope="package")
def _server() -> Iterator[ModelServer]:
    running = ModelServer()
    yield running
    running.stop()


@pytest.fixture
def server(_server: ModelServer) -> ModelServer:
    _server.reset()
    return _server


@pytest.fixture
async def connect(server: ModelServer, protocol: Protocol) -> AsyncIterator[Connect]:
    """A gateway of the shipped catalogue; keyword arguments override the provider's settings."""
    opened: list[Gateway] = []

    async def build(*, base_url: str = "", **settings: object) -> Gateway:
        name = protocol.provider.upper()
        environ = {**protocol.environ(server), f"{name}_API_KEY": KEY}
        environ |= {f"{name}_BASE_URL": base_url} if base_url else {}
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
def ask(protocol: Protocol) -> Callable[..., ModelRequest]:
    def build(**more: Any) -> ModelRequest:
        base: dict[str, Any] = {"purpose": "turn", "provider": protocol.provider, "model": protocol.small}
        return ModelRequest(
            **{**base, "query": "Why?", "messages": [{"role": "user", "content": "Why?"}], "timeout_s": 20, **more}
        )

    return build
