"""The values that cross the model gateway: one request in, one reply out, the same for every provider.

Pure data; knows no Django, no SDK and no tenant. Messages follow OpenAI's chat shape, since every
provider's SDK can be reached from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

Purpose = Literal["plan", "turn", "synthesise", "complete", "summarise"]
Effort = Literal["low", "medium", "high"]
Lifetime = Literal["5m", "1h"]
OnDelta = Callable[[str], Awaitable[None]]


class FunctionCall(TypedDict):
    name: str
    arguments: str


class MessageToolCall(TypedDict):
    id: str
    type: Literal["function"]
    function: FunctionCall


Block = Mapping[str, Any]


class Part(TypedDict):
    """
    A piece of a user's message: `{"type": "text", "text": "Why?"}`, or an image or file with its bytes in base64:
    `{"type": "image", "media_type": "image/png", "data": "iVBO..."}`; a file has a `name` too.
    """

    type: Literal["text", "image", "file"]
    text: NotRequired[str]
    media_type: NotRequired[str]
    name: NotRequired[str]
    data: NotRequired[str]


class Message(TypedDict):
    """
    One chat message, e.g. `{"role": "tool", "tool_call_id": "c1", "content": "{\\"ok\\": true}"}`.

    `parts` is what a user said where that is more than text; `content` is then its text alone.

    `blocks` is an assistant's turn as its provider sent it, where that provider wants it back unchanged.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None
    tool_calls: NotRequired[list[MessageToolCall]]
    tool_call_id: NotRequired[str]
    parts: NotRequired[Sequence[Part]]
    blocks: NotRequired[Sequence[Block]]


class ToolSpec(TypedDict):
    """A tool as the model sees it; `parameters` is a JSON schema object."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class FileRef:
    """A file attached to the task. Tools find it at `/data/<name>`; `head` is its first characters (at most 2,000)."""

    name: str
    media_type: str
    size_bytes: int
    head: str


@dataclass(frozen=True)
class ModelRequest:
    """
    Args:
        purpose: what the call is for; a plan call expects a plan as JSON, as the shipped template describes it.
        subtasks: how many a plan may have, of a plan call.
        query: the task's question, or the agent's part of it on a turn.
        may_call: False when the tools are there only because earlier calls of them are in the messages.
        max_tokens: upper bound of the completion, already clamped to the budget.
        schema: a JSON schema that the answer must fit; it is then JSON.
        effort: how much a reasoning model should think; others are not told.
        cache: ask the provider to keep the prompt for so long, where it wants to be asked.
        api_key: the tenant's own, instead of the operator's.
        timeout_s: wall clock for the whole call.
        on_sending: called when its turn has come: from here on it may be billed.
        on_delta: awaited with each piece of text as it streams.
    """

    purpose: Purpose
    provider: str
    model: str
    messages: Sequence[Message]
    query: str
    files: Sequence[FileRef] = ()
    tools: Sequence[ToolSpec] = ()
    may_call: bool = True
    max_tokens: int = 4096
    temperature: float | None = None
    schema: Mapping[str, Any] | None = None
    effort: Effort | None = None
    cache: Lifetime | None = None
    subtasks: int | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 120.0
    on_sending: Callable[[], None] | None = None
    on_delta: OnDelta | None = None

    @property
    def offered(self) -> Sequence[ToolSpec]:
        return self.tools if self.may_call else ()


@dataclass(frozen=True)
class EmbedRequest:
    """Vectors for texts. `dimensions`: None is the model's own. `on_sending`: as of ModelRequest."""

    provider: str
    model: str
    texts: Sequence[str]
    dimensions: int | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 60.0
    on_sending: Callable[[], None] | None = None


@dataclass(frozen=True)
class EmbedReply:
    """One vector per text, in their order."""

    vectors: Sequence[Sequence[float]]
    provider: str
    model: str
    usage: Usage


@dataclass(frozen=True)
class ToolCall:
    """What the model asks for; `arguments` is parsed, or None when it was not a JSON object (`raw` has the text)."""

    id: str
    name: str
    arguments: Mapping[str, Any] | None
    raw: str


@dataclass(frozen=True)
class Usage:
    """
    Tokens as the provider counted them. The prompt's include those read from a cache and those written to it; of the
    latter `cache_write_1h_tokens` are kept for an hour.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class ModelReply:
    """For `blocks` see Message."""

    text: str
    provider: str
    model: str
    usage: Usage
    finish_reason: str
    tool_calls: Sequence[ToolCall] = ()
    blocks: Sequence[Block] = ()


@dataclass(frozen=True)
class Price:
    """USD for one token of each kind. Zero is a known price; no price at all is `PriceUnknown`."""

    input_usd: Decimal
    output_usd: Decimal
    cached_usd: Decimal | None = None
    cache_write_usd: Decimal | None = None
    cache_write_1h_usd: Decimal | None = None

    def cost_usd(self, usage: Usage) -> Decimal:
        cached = self.input_usd if self.cached_usd is None else self.cached_usd
        write = self.input_usd if self.cache_write_usd is None else self.cache_write_usd
        hour = write if self.cache_write_1h_usd is None else self.cache_write_1h_usd
        fresh = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        prompt = fresh * self.input_usd + usage.cached_tokens * cached
        prompt += (usage.cache_write_tokens - usage.cache_write_1h_tokens) * write + usage.cache_write_1h_tokens * hour
        return prompt + usage.completion_tokens * self.output_usd


@dataclass(frozen=True)
class ModelChoice:
    """A model picked from the catalogue, with what the hold and the call need to know of it."""

    provider: str
    model: str
    tier: str
    price: Price
    max_output_tokens: int
    capabilities: frozenset[str] = field(default_factory=frozenset)
    context_tokens: int | None = None
