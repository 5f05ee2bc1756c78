"""Anthropic, and every server that speaks its messages protocol, through the official SDK."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import Any

import anthropic

from workers.gateway.errors import ModelError
from workers.gateway.providers.anthropic_errors import translated
from workers.gateway.providers.anthropic_prompt import system_of, turns_of
from workers.gateway.providers.anthropic_reply import AnthropicParts
from workers.gateway.providers.sdk import NO_KEY, SdkProvider, limit
from workers.gateway.types import ModelRequest


class AnthropicProvider(SdkProvider):
    sdk_error = anthropic.AnthropicError
    parts = AnthropicParts

    async def open(self, request: ModelRequest) -> AbstractAsyncContextManager[Any]:
        stream: AbstractAsyncContextManager[Any] = await self.client.messages.create(**_arguments(request))
        return stream

    def translated(self, error: Exception) -> ModelError:
        return translated(error, provider=self.name, secret=self.key)

    @cached_property
    def client(self) -> anthropic.AsyncAnthropic:
        """Made with the first call, in the event loop that it will live in."""
        return anthropic.AsyncAnthropic(
            api_key=self.key or NO_KEY,
            base_url=self.base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=anthropic.DefaultAioHttpClient(limits=self.limits),
        )


def _arguments(request: ModelRequest) -> dict[str, Any]:
    """
    Without a temperature: Claude's current models refuse it, and the SDK has no such argument any more.

    Tools are told even when none may be called: messages with earlier calls are refused without them.
    """
    arguments: dict[str, Any] = {
        "model": request.model,
        "messages": turns_of(request.messages),
        "max_tokens": request.max_tokens,
        "stream": True,
        "timeout": limit(request),
    }
    if system := system_of(request.messages):
        arguments["system"] = system
    if request.tools:
        arguments["tools"] = [
            {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
            for tool in request.tools
        ]
        arguments["tool_choice"] = {"type": "auto" if request.may_call else "none"}
    return arguments
