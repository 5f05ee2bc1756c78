"""Anthropic, and every server that speaks its messages protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property

import anthropic

from workers.gateway.errors import ModelError
from workers.gateway.providers.anthropic_errors import translated
from workers.gateway.providers.anthropic_prompt import body_of
from workers.gateway.providers.anthropic_reply import AnthropicParts
from workers.gateway.providers.sdk import NO_KEY, Opened, SdkProvider, limit
from workers.gateway.types import ModelRequest


class AnthropicProvider(SdkProvider):
    sdk_error = anthropic.AnthropicError
    parts = AnthropicParts

    async def open(self, request: ModelRequest) -> Opened:
        return await self._client(request.api_key).post(
            "/v1/messages",
            body=body_of(request, self.dialect),
            options={"timeout": limit(request.timeout_s)},
            cast_to=object,
            stream=True,
            stream_cls=anthropic.AsyncStream[object],
        )

    def translated(self, error: Exception, text: str) -> ModelError:
        return translated(error, provider=self.name, text=text)

    @cached_property
    def client(self) -> anthropic.AsyncAnthropic:
        """Made with the first call, in the event loop that it will live in."""
        return anthropic.AsyncAnthropic(
            api_key=self.key or NO_KEY,
            base_url=self.base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=anthropic.DefaultAioHttpClient(limits=self.limits),
        )

    def _client(self, key: str | None) -> anthropic.AsyncAnthropic:
        """With a tenant's own key, on the same connections."""
        return self.client.with_options(api_key=key) if key else self.client
