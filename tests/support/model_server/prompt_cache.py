"""
What providers keep of prompts, and how they bill it.

OpenAI's way: unasked, the beginning of a prompt from 1,024 tokens on in steps of 128, and nothing is charged for keeping.
Anthropic's: up to the blocks that the caller marks with `cache_control`, from 1,024 tokens on, found again from at most 20
blocks further on; what is kept is billed dearer. Both per API key and model, until five minutes (or the hour that was asked
for) after the last use. A token is four characters of JSON.
Sources: developers.openai.com/api/docs/guides/prompt-caching, platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

TOKEN_CHARS = 4
LEAST_TOKENS, STEP_TOKENS = 1024, 128
LIFETIMES_S = {"5m": 300.0, "1h": 3600.0}
LOOKED_BACK = 20
MARK = "cache_control"
Body = dict[str, Any]


@dataclass(frozen=True)
class Read:
    """
    What a prompt of `tokens` finds kept, and what it leaves behind: seconds by the name of a beginning.

    `usage` is what it adds to the usage, in the words of its protocol.
    """

    tokens: int
    usage: Body
    leaves: dict[str, float]


@dataclass
class Kept:
    """Beginnings of prompts, by name, and until when."""

    now: Callable[[], float] = time.monotonic
    until: dict[str, float] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        return self.until.get(name, 0.0) > self.now()

    def keep(self, read: Read) -> None:
        for name, seconds in read.leaves.items():
            self.until[name] = max(self.until.get(name, 0.0), self.now() + seconds)

    def forget(self) -> None:
        self.until.clear()


class Way(Protocol):
    """How a provider reads a prompt with what it has kept."""

    def __call__(self, kept: Kept, key: str, body: Body, /) -> Read: ...


def automatic(kept: Kept, key: str, body: Body) -> Read:
    """OpenAI's."""
    text = "".join(map(_json, [*(body.get("tools") or []), *body["messages"]]))
    tokens = _tokens(text)
    named = dict(_steps(f"{key} {body['model']}", text, tokens))
    cached = max((size for size, name in named.items() if kept.has(name)), default=0)
    leaves = dict.fromkeys(named.values(), LIFETIMES_S["5m"])
    return Read(tokens, {"prompt_tokens_details": {"cached_tokens": cached}}, leaves)


def marked(kept: Kept, key: str, body: Body) -> Read:
    """Anthropic's."""
    ends = list(_blocks(f"{key} {body['model']}", body))
    marks = [(n, end) for n, end in enumerate(ends) if end.lifetime and end.tokens >= LEAST_TOKENS]
    near = (earlier for n, _ in marks for earlier in ends[max(0, n - LOOKED_BACK) : n + 1])
    cached = max((end.tokens for end in near if kept.has(end.name)), default=0)
    written = max((end.tokens for _, end in marks), default=cached) - cached
    hour = max((end.tokens for _, end in marks if end.lifetime == "1h"), default=cached) - cached
    usage = {"cached_tokens": cached, "cache_write_tokens": max(0, written), "cache_write_1h_tokens": max(0, hour)}
    return Read(ends[-1].tokens, usage, {end.name: LIFETIMES_S[end.lifetime] for _, end in marks})


@dataclass(frozen=True)
class End:
    """A prompt up to the end of one of its blocks. `lifetime`: as marked, "" for not."""

    name: str
    tokens: int
    lifetime: str


def _steps(owner: str, text: str, tokens: int) -> Iterator[tuple[int, str]]:
    """Its beginnings by their size in tokens, each with a name."""
    digest, done = hashlib.sha256(owner.encode()), 0
    for size in range(LEAST_TOKENS, tokens + 1, STEP_TOKENS):
        digest.update(text[done : size * TOKEN_CHARS].encode())
        done = size * TOKEN_CHARS
        yield size, digest.hexdigest()


def _blocks(owner: str, body: Body) -> Iterator[End]:
    digest, chars = hashlib.sha256(owner.encode()), 0
    for block in _told(body):
        text = _json({key: value for key, value in block.items() if key != MARK})
        digest.update(text.encode())
        chars += len(text)
        mark = block.get(MARK)
        lifetime = mark.get("ttl", "5m") if mark else ""
        yield End(digest.hexdigest(), max(1, chars // TOKEN_CHARS), lifetime)


def _told(body: Body) -> Iterator[Body]:
    """The blocks in the order in which a prompt is made of them."""
    system = body.get("system") or []
    yield from body.get("tools") or []
    yield from [{"type": "text", "text": system}] if isinstance(system, str) else system
    for turn in body["messages"]:
        content = turn["content"]
        yield from [{"type": "text", "text": content}] if isinstance(content, str) else content


def _tokens(text: str) -> int:
    return max(1, len(text) // TOKEN_CHARS)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
