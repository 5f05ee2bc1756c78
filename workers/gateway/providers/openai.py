"""OpenAI, and every server that speaks its protocol, through the official SDK: streaming, tool calls, usage."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from workers.gateway.errors import (
    ModelError,
    ModelOverloaded,
    ModelRefused,
    ModelReplyInvalid,
    ModelTimeout,
    ModelUnreachable,
)
from workers.gateway.tokens import prompt_upper_bound
from workers.gateway.types import ModelReply, ModelRequest, ToolCall, Usage

MESSAGE_CHARS = 300


class OpenAIProvider:
    """`connections` is given to the transport in so many words: its own default stops at 100."""

    def __init__(self, *, name: str, api_key: str, base_url: str | None, connections: int) -> None:
        self._name, self._key, self._base_url, self._connections = name, api_key, base_url, connections

    @cached_property
    def _client(self) -> openai.AsyncOpenAI:
        limits = httpx2.Limits(max_connections=self._connections, max_keepalive_connections=100)
        return openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self._base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and paid
            http_client=openai.DefaultAioHttpClient(limits=limits),
        )

    async def complete(self, request: ModelRequest) -> ModelReply:
        try:
            stream = await self._client.chat.completions.create(**_arguments(request), timeout=request.timeout_s)
            async with stream:
                return await _collect(stream, request)
        except openai.OpenAIError as error:
            raise self._translated(error) from None

    def _translated(self, error: openai.OpenAIError) -> ModelError:
        """Order matters: a timeout is a connection error to the SDK. A status means that nothing is billed."""
        text = f"{self._name}: {str(error).replace(self._key, '***')[:MESSAGE_CHARS]}"
        if isinstance(error, openai.APITimeoutError):
            return ModelTimeout(f"{self._name} did not answer in time", sent=True)
        if isinstance(error, openai.APIStatusError):
            if error.status_code == 429 or error.status_code >= 500:
                return ModelOverloaded(text, sent=False, retry_after_s=_retry_after_s(error))
            return ModelRefused(text, sent=False)
        if isinstance(error, openai.APIConnectionError):
            return ModelUnreachable(f"{self._name} could not be reached or broke off", sent=True)
        return ModelReplyInvalid(text, sent=True)


def _arguments(request: ModelRequest) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "model": request.model,
        "messages": list(request.messages),
        "max_tokens": request.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        arguments["tools"] = [{"type": "function", "function": tool} for tool in request.tools]
    if request.temperature is not None:
        arguments["temperature"] = request.temperature
    return arguments


async def _collect(stream: AsyncIterator[ChatCompletionChunk], request: ModelRequest) -> ModelReply:
    text: list[str] = []
    calls: dict[int, dict[str, str]] = {}
    usage, finish = None, ""
    async for chunk in stream:
        usage = chunk.usage or usage
        if not chunk.choices:
            continue
        choice = chunk.choices[0]
        finish = choice.finish_reason or finish
        if choice.delta.content:
            text.append(choice.delta.content)
            if request.on_delta:
                await request.on_delta(choice.delta.content)
        for piece in choice.delta.tool_calls or ():
            call = calls.setdefault(piece.index, {"id": "", "name": "", "arguments": ""})
            call["id"] += piece.id or ""
            call["name"] += (piece.function.name if piece.function else None) or ""
            call["arguments"] += (piece.function.arguments if piece.function else None) or ""
    if not finish:
        raise ModelUnreachable(f"{request.provider} broke its answer off", sent=True)
    return ModelReply(
        text="".join(text),
        provider=request.provider,
        model=request.model,
        usage=_usage(usage, request),
        finish_reason=finish,
        tool_calls=tuple(_call(call) for _, call in sorted(calls.items())),
    )


def _call(call: dict[str, str]) -> ToolCall:
    try:
        arguments = json.loads(call["arguments"] or "{}")
    except ValueError:
        arguments = None
    return ToolCall(call["id"], call["name"], arguments if isinstance(arguments, dict) else None, call["arguments"])


def _usage(usage: Any, request: ModelRequest) -> Usage:
    """A server that reports no usage is counted at the bound that was held: never less than it may bill."""
    if usage is None:
        return Usage(prompt_upper_bound(request.messages, request.tools), request.max_tokens)
    details = usage.prompt_tokens_details
    return Usage(usage.prompt_tokens, usage.completion_tokens, (details and details.cached_tokens) or 0)


def _retry_after_s(error: openai.APIStatusError) -> float | None:
    try:
        return float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
