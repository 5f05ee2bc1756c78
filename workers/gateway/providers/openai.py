"""OpenAI, and every server that speaks its chat protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property

import openai

from workers.gateway.errors import ModelError
from workers.gateway.providers.openai_errors import translated
from workers.gateway.providers.openai_prompt import body_of
from workers.gateway.providers.openai_reply import OpenAIParts
from workers.gateway.providers.sdk import NO_KEY, Opened, SdkProvider, limit
from workers.gateway.types import ModelRequest


class OpenAIProvider(SdkProvider):
    sdk_error = openai.OpenAIError
    parts = OpenAIParts

    async def open(self, request: ModelRequest) -> Opened:
        return await self._client(request.api_key).post(
            "/chat/completions",
            body=body_of(request, self.dialect),
            options={"timeout": limit(request.timeout_s)},
            cast_to=object,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )

    def translated(self, error: Exception, text: str) -> ModelError:
        return translated(error, provider=self.name, text=text)

    @cached_property
    def client(self) -> openai.AsyncOpenAI:
        """Made with the first call, in the event loop that it will live in."""
        return openai.AsyncOpenAI(
            api_key=self.key or NO_KEY,
            base_url=self.base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=openai.DefaultAioHttpClient(limits=self.limits),
        )

    def _client(self, key: str | None) -> openai.AsyncOpenAI:
        """With a tenant's own key, on the same connections."""
        return self.client.with_options(api_key=key) if key else self.client
