"""
What the providers behind an official SDK have in common: the SDKs are made by one generator, on one transport.

The SDK connects, authenticates and tells what failed. Requests are made by its `post`, which leaves out a check of
every argument (1.6 ms a call); bodies are read by sse.py, which costs a third of the SDK's typed chunks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import aiohttp
import httpx2

from workers.gateway.entries import Dialect, Provider
from workers.gateway.errors import ModelError, ModelRefused
from workers.gateway.providers.failures import broken_off, shown
from workers.gateway.providers.reply import ErrorEvent, Parts, collect
from workers.gateway.providers.sse import events
from workers.gateway.types import ModelReply, ModelRequest

MACHINE = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
CONNECT_S = 10.0
NO_KEY = "none"  # what a server without keys is sent; the SDKs want one
TRANSPORT_ERRORS = (httpx2.HTTPError, aiohttp.ClientError)  # the SDKs let some of them through


class Opened(Protocol):
    """An answer that has begun, as both SDKs have it; leaving it closes its connection."""

    response: httpx2.Response

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: Any) -> None: ...


@dataclass(frozen=True)
class Wire:
    """A protocol: where requests go, what they are made of, what answers hold."""

    path: str
    body_of: Callable[[ModelRequest, Dialect], dict[str, Any]]
    parts: Callable[[], Parts]


class SdkProvider(ABC):
    """
    Args:
        entry: its key may be None where `base_url` is a server without keys; without a `base_url` it is the SDK's own.
            Its connections are said in so many words: the transport would stop at 100 or 1000 by itself.
    """

    sdk_error: ClassVar[type[Exception]]
    stream_cls: ClassVar[Any]
    omit: ClassVar[Any]  # what leaves a header out

    def __init__(self, name: str, entry: Provider) -> None:
        self.name, self.entry = name, entry
        self.key = entry.api_key.get_secret_value() if entry.api_key else None
        self.limits = httpx2.Limits(max_connections=entry.connections, max_keepalive_connections=entry.connections)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """
        Cancelling closes the connection, so that the provider can stop.

        Raises:
            ModelError.
        """
        wire = self.wire_of(request.model)
        with self.in_our_words(request.api_key):
            async with await self._open(wire, request) as opened:
                return await collect(events(opened.response), request, wire.parts())

    async def close(self) -> None:
        if "client" in self.__dict__:
            await self.__dict__["client"].close()

    async def _open(self, wire: Wire, request: ModelRequest) -> Opened:
        opened: Opened = await self.client_for(request.api_key).post(
            wire.path,
            body=wire.body_of(request, self.entry.dialect),
            options={"timeout": limit(request.timeout_s)},
            cast_to=object,
            stream=True,
            stream_cls=self.stream_cls,
        )
        return opened

    def client_for(self, key: str | None) -> Any:
        """With a tenant's own key, on the same connections."""
        return keep_to_itself(self.client.with_options(api_key=key), self.omit) if key else self.client

    @contextmanager
    def in_our_words(self, key: str | None) -> Iterator[None]:
        try:
            yield
        except UnicodeEncodeError:
            raise ModelRefused("The prompt holds characters that can't be sent", sent=False) from None
        except ErrorEvent as error:
            raise broken_off(provider=self.name, text=shown(error, self.key, key)) from None
        except (self.sdk_error, *TRANSPORT_ERRORS) as error:
            raise self.translated(error, shown(error, self.key, key)) from None

    @property
    @abstractmethod
    def client(self) -> Any:
        """The SDK's, with the operator's key."""

    @abstractmethod
    def wire_of(self, model: str) -> Wire: ...

    @abstractmethod
    def translated(self, error: Exception, text: str) -> ModelError:
        """
        Args:
            text: the error's own words, without secrets.
        """


def keep_to_itself(client: Any, omit: Any) -> Any:
    """
    Leaves out what an SDK would tell by itself: of this machine, which is no provider's business and weight in each of ten
    thousand calls; and what the environment has for the SDK's own provider (organization, project, custom headers), which
    must not reach another company, nor stand beside a tenant's key. Returns the client.
    """
    ours = {f"X-Stainless-{name}": omit for name in MACHINE}
    client._custom_headers = {**ours, "OpenAI-Organization": omit, "OpenAI-Project": omit}
    return client


def limit(timeout_s: float) -> httpx2.Timeout:
    """For connecting only: the gateway's deadline covers the rest, and a timer for each read would cost every chunk."""
    return httpx2.Timeout(None, connect=min(CONNECT_S, timeout_s))
