"""OpenAI, and every server that speaks its chat protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import aiohttp
import httpx2
import openai

from workers.gateway.errors import ModelRefused
from workers.gateway.providers.openai_reply import collect
from workers.gateway.providers.sdk_errors import translated
from workers.gateway.types import ModelReply, ModelRequest

CONNECT_S = 10.0
TRANSPORT_ERRORS = (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError)  # the SDK lets some of them through
NO_KEY = "none"  # what a server without keys is sent; the SDK wants one


class OpenAIProvider:
    """
    Args:
        api_key: may be None where `base_url` is a server without keys.
        base_url: None is OpenAI itself.
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
            stream = await self._client.chat.completions.create(**self._arguments(request))
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
    def _client(self) -> openai.AsyncOpenAI:
        """Made with the first call, in the event loop that it will live in."""
        limits = httpx2.Limits(max_connections=self._connections, max_keepalive_connections=self._connections)
        return openai.AsyncOpenAI(
            api_key=self._key or NO_KEY,
            base_url=self._base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=openai.DefaultAioHttpClient(limits=limits),
        )

    def _arguments(self, request: ModelRequest) -> dict[str, Any]:
        """OpenAI's newer models know `max_completion_tokens` only, many other servers `max_tokens` only."""
        arguments: dict[str, Any] = {
            "model": request.model,
            "messages": list(request.messages),
            "max_tokens" if self._base_url else "max_completion_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "timeout": httpx2.Timeout(request.timeout_s, connect=min(CONNECT_S, request.timeout_s)),
        }
        if request.tools:
            arguments["tools"] = [{"type": "function", "function": tool} for tool in request.tools]
        if request.temperature is not None:
            arguments["temperature"] = request.temperature
        return arguments
