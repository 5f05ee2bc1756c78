"""Anthropic, and every server that speaks its messages protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property

import anthropic

from workers.gateway.errors import ModelError
from workers.gateway.providers.anthropic_errors import translated
from workers.gateway.providers.anthropic_prompt import body_of
from workers.gateway.providers.anthropic_reply import AnthropicParts
from workers.gateway.providers.sdk import NO_KEY, SdkProvider, Wire, keep_to_itself

MESSAGES = Wire("/v1/messages", body_of, AnthropicParts)


class AnthropicProvider(SdkProvider):
    sdk_error = anthropic.AnthropicError
    stream_cls = anthropic.AsyncStream[object]
    omit = anthropic.Omit()

    def wire_of(self, model: str) -> Wire:
        return MESSAGES

    def translated(self, error: Exception, text: str) -> ModelError:
        return translated(error, provider=self.name, text=text)

    @cached_property
    def client(self) -> anthropic.AsyncAnthropic:
        """Made with the first call, in the event loop that it will live in."""
        made = anthropic.AsyncAnthropic(
            api_key=self.key or NO_KEY,
            base_url=self.entry.base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=anthropic.DefaultAioHttpClient(limits=self.limits, follow_redirects=False),
        )
        client: anthropic.AsyncAnthropic = keep_to_itself(made, self.omit)
        return client
