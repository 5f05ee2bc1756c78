"""What the official SDKs need alike: one client for each event loop, a stream per call, errors in our words."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import aiohttp
import anthropic
import httpx2
import openai

from workers.gateway.errors import ModelRefused
from workers.gateway.providers.sdk_errors import translated
from workers.gateway.types import ModelReply, ModelRequest

CONNECT_S = 10.0
NO_KEY = "none"  # what a server without keys is sent; the SDKs want one
TRANSPORT_ERRORS = (  # the SDKs let some of them through
    openai.OpenAIError,
    anthropic.AnthropicError,
    httpx2.HTTPError,
    aiohttp.ClientError,
)


class SdkProvider:
    """
    Args:
        api_key: may be None where `base_url` is a server without keys.
        base_url: None is the provider itself.
        connections: calls at once, said in so many words: the transport would stop at 100 or 1000 by itself.
    """

    def __init__(self, *, name: str, api_key: str | None, base_url: str | None, connections: int) -> None:
        self._name, self._key, self._base_url, self._connections = name, api_key, base_url, connections

    async def complete(self, request: ModelRequest) -> ModelReply:
        """
        Cancelling closes the connection, so that the provider can stop.

        Raises:
            ModelError.
        """
        try:
            stream = await self.open(request)
            async with stream:
                return await self.collect(stream, request)
        except UnicodeEncodeError:
            raise ModelRefused("The prompt holds characters that can't be sent", sent=False) from None
        except TRANSPORT_ERRORS as error:
            raise translated(error, provider=self._name, secret=self._key) from None

    async def close(self) -> None:
        if "client" in self.__dict__:
            await self.client.close()

    @cached_property
    def client(self) -> Any:
        """The SDK's client, made with the first call, in the event loop that it will live in."""
        raise NotImplementedError

    async def open(self, request: ModelRequest) -> Any:
        """The SDK's stream of this call."""
        raise NotImplementedError

    async def collect(self, stream: Any, request: ModelRequest) -> ModelReply:
        raise NotImplementedError

    @property
    def limits(self) -> httpx2.Limits:
        return httpx2.Limits(max_connections=self._connections, max_keepalive_connections=self._connections)

    def timeout(self, request: ModelRequest) -> httpx2.Timeout:
        return httpx2.Timeout(request.timeout_s, connect=min(CONNECT_S, request.timeout_s))
