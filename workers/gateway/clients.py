"""The clients of the catalogue's providers, followed: a changed entry gets a new one, calls under way end on the old."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import structlog

from workers.gateway.catalogue import Catalogue
from workers.gateway.entries import Provider
from workers.gateway.errors import NoModel
from workers.gateway.types import ModelReply, ModelRequest

log = structlog.get_logger()
OF_GUARDS = ("requests_per_minute", "breaker", "prices_from")  # fields of an entry that no client looks at


class ModelProvider(Protocol):
    async def complete(self, request: ModelRequest) -> ModelReply: ...


@runtime_checkable
class Closing(Protocol):
    """A provider that keeps connections."""

    async def close(self) -> None: ...


class Clients(Protocol):
    def lend(self, name: str, *, own_key: bool = False) -> AbstractContextManager[ModelProvider]:
        """
        For one call: it is not closed before that has ended.

        Args:
            own_key: the call brings its key, so that the provider need not have one.
        Raises:
            NoModel: the provider is not configured.
        """

    async def close(self) -> None: ...


class FixedClients:
    """Those that were given, for good."""

    def __init__(self, providers: Mapping[str, ModelProvider]) -> None:
        self._providers = providers

    @contextmanager
    def lend(self, name: str, *, own_key: bool = False) -> Iterator[ModelProvider]:
        if name not in self._providers:
            raise not_configured(name)
        yield self._providers[name]

    async def close(self) -> None:
        for provider in self._providers.values():
            await _close(provider)


@dataclass(eq=False)
class _Client:
    provider: ModelProvider
    made_of: dict[str, Any]
    calls: int = 0
    retired: bool = False


class FollowedClients:
    """
    Lives in one event loop.

    Args:
        current: the catalogue as it is now, asked before each call.
        build: makes the client of an entry; nothing is connected before the first call.
    """

    def __init__(self, current: Callable[[], Catalogue], build: Callable[[str, Provider], ModelProvider]) -> None:
        self._current, self._build = current, build
        self._seen: Catalogue | None = None
        self._clients: dict[str, _Client] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @contextmanager
    def lend(self, name: str, *, own_key: bool = False) -> Iterator[ModelProvider]:
        catalogue = self._current()
        self._follow(catalogue)
        entry = catalogue.providers.get(name)
        if entry is None or not (entry.configured or own_key):
            raise not_configured(name)
        client = self._clients.get(name) or self._made(name, entry)
        client.calls += 1
        try:
            yield client.provider
        finally:
            client.calls -= 1
            self._close_if_done(client)

    async def close(self) -> None:
        for client in self._clients.values():
            await _close(client.provider)
        self._clients.clear()
        await asyncio.gather(*self._closing)

    def _made(self, name: str, entry: Provider) -> _Client:
        client = self._clients[name] = _Client(self._build(name, entry), _made_of(entry))
        return client

    def _follow(self, catalogue: Catalogue) -> None:
        if catalogue is self._seen:
            return
        self._seen = catalogue
        for name in list(self._clients):
            entry = catalogue.providers.get(name)
            if entry is None or _made_of(entry) != self._clients[name].made_of:
                self._retire(name)

    def _retire(self, name: str) -> None:
        client = self._clients.pop(name)
        client.retired = True
        log.info("provider.client_retired", provider=name, calls=client.calls)
        self._close_if_done(client)

    def _close_if_done(self, client: _Client) -> None:
        if client.retired and not client.calls:
            closing = asyncio.get_running_loop().create_task(_close(client.provider))
            self._closing.add(closing)  # a loop keeps no hold on its tasks
            closing.add_done_callback(self._closing.discard)


class ProviderGone(NoModel):
    """It was there when the model was chosen; another may answer."""

    elsewhere = True


def not_configured(name: str) -> NoModel:
    return ProviderGone(f"The provider {name} is not configured")


async def _close(provider: ModelProvider) -> None:
    if isinstance(provider, Closing):
        await provider.close()


def _made_of(entry: Provider) -> dict[str, Any]:
    return {name: value for name, value in entry if name not in OF_GUARDS}
