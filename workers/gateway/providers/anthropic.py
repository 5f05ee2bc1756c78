"""Anthropic, and every server that speaks its messages protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import aiohttp
import anthropic
import httpx2

from workers.gateway.errors import ModelRefused
from workers.gateway.providers.anthropic_messages import conversation, tools
from workers.gateway.providers.anthropic_reply import collect
from workers.gateway.providers.sdk_errors import translated
from workers.gateway.types import ModelReply, ModelRequest

CONNECT_S = 10.0
TRANSPORT_ERRORS = (
    anthropic.AnthropicError,
    httpx2.HTTPError,
    aiohttp.ClientError,
)  # the SDK lets some of them through
NO_KEY = "none"  # what a server without keys is sent; the SDK wants one


class AnthropicProvider:
    """
    Args:
        api_key: may be None where `base_url` is a server without keys.
        base_url: without /v1; None is Anthropic itself.
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
            stream = await self._client.messages.create(**self._arguments(request))
            async with stream:
                return await collect(stream, request)
        except UnicodeEncodeError:
            raise ModelRefused("The prompt holds characters that can't be sent", sent=False) from None
        except TRANSPORT_ERRORS as error:
            raise translated(error, provider=self._name, secret=self._key) from None

    async def close(self) -> None:
        if "_client" in self.__dict__:
            await self._client.close()

    @cached_property
    def _client(self) -> anthropic.AsyncAnthropic:
        """Made with the first call, in the event loop that it will live in."""
        limits = httpx2.Limits(max_connections=self._connections, max_keepalive_connections=self._connections)
        return anthropic.AsyncAnthropic(
            api_key=self._key or NO_KEY,
            base_url=self._base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=anthropic.DefaultAioHttpClient(limits=limits),
        )

    def _arguments(self, request: ModelRequest) -> dict[str, Any]:
        system, messages = conversation(request.messages)
        arguments: dict[str, Any] = {
            "model": request.model,
            "messages": messages,
            "max_tokens": request.max_tokens,
            "stream": True,
            "timeout": httpx2.Timeout(request.timeout_s, connect=min(CONNECT_S, request.timeout_s)),
        }
        if system:
            arguments["system"] = system
        if request.tools:
            arguments["tools"] = tools(request.tools)
        if request.temperature is not None:
            arguments["temperature"] = request.temperature
        return arguments
