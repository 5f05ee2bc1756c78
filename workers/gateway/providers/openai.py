"""OpenAI, and every server that speaks its chat or Responses protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property

import httpx2
import openai

from workers.gateway.errors import ModelError
from workers.gateway.providers import openai_embed, openai_prompt, responses_prompt
from workers.gateway.providers.openai_errors import translated
from workers.gateway.providers.openai_reply import OpenAIParts
from workers.gateway.providers.responses_reply import ResponsesParts
from workers.gateway.providers.sdk import NO_KEY, SdkProvider, Wire, keep_to_itself, limit
from workers.gateway.types import EmbedReply, EmbedRequest

CHAT = Wire("/chat/completions", openai_prompt.body_of, OpenAIParts)
RESPONSES = Wire("/responses", responses_prompt.body_of, ResponsesParts)


class OpenAIProvider(SdkProvider):
    sdk_error = openai.OpenAIError
    stream_cls = openai.AsyncStream[object]
    omit = openai.Omit()

    def wire_of(self, model: str) -> Wire:
        """The model's own protocol goes before its provider's."""
        listed = self.entry.models.get(model)
        protocol = (listed and listed.protocol) or self.entry.protocol
        return RESPONSES if protocol == "responses" else CHAT

    async def embed(self, request: EmbedRequest) -> EmbedReply:
        """
        Raises:
            ModelError.
        """
        with self.in_our_words(request.api_key):
            response: httpx2.Response = await self.client_for(request.api_key).post(
                openai_embed.PATH,
                body=openai_embed.body_of(request),
                options={"timeout": limit(request.timeout_s)},
                cast_to=httpx2.Response,
            )
        return openai_embed.reply_of(response.content, request)

    def translated(self, error: Exception, text: str) -> ModelError:
        return translated(error, provider=self.name, text=text)

    @cached_property
    def client(self) -> openai.AsyncOpenAI:
        """Made with the first call, in the event loop that it will live in."""
        made = openai.AsyncOpenAI(
            api_key=self.key or NO_KEY,
            base_url=self.entry.base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=openai.DefaultAioHttpClient(limits=self.limits, follow_redirects=False),
        )
        client: openai.AsyncOpenAI = keep_to_itself(made, self.omit)
        return client
