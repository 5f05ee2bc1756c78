"""Anthropic, and every server that speaks its messages protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import anthropic

from workers.gateway.errors import ModelError
from workers.gateway.providers.anthropic_errors import translated
from workers.gateway.providers.anthropic_prompt import system_of, turns_of
from workers.gateway.providers.anthropic_reply import AnthropicParts
from workers.gateway.providers.sdk import NO_KEY, Opened, SdkProvider, limit
from workers.gateway.types import ModelRequest


class AnthropicProvider(SdkProvider):
    sdk_error = anthropic.AnthropicError
    parts = AnthropicParts

    async def open(self, request: ModelRequest) -> Opened:
        return await self.client.post(
            "/v1/messages",
            body=_body(request),
            options={"timeout": limit(request)},
            cast_to=object,
            stream=True,
            stream_cls=anthropic.AsyncStream[object],
        )

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


def _body(request: ModelRequest) -> dict[str, Any]:
    """
    Without a temperature: Claude's current models refuse it, and the SDK has no such argument any more.

    Tools are told even when none may be called: messages with earlier calls are refused without them.
    """
    body: dict[str, Any] = {
        "model": request.model,
        "messages": turns_of(request.messages),
        "max_tokens": request.max_tokens,
        "stream": True,
    }
    if system := system_of(request.messages):
        body["system"] = system
    if request.tools:
        body["tools"] = [
            {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
            for tool in request.tools
        ]
        body["tool_choice"] = {"type": "auto" if request.may_call else "none"}
    return body
