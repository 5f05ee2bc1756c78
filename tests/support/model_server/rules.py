"""What a test tells the scripted model server to do: rules, of which the first that matches a request answers it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

Messages = Sequence[dict[str, Any]]


@dataclass
class Match:
    """
    All that are given must hold; none given matches everything.

    Attributes:
        system_contains, user_contains: part of any message of that role.
        last_role: role of the last message.
        nth: the how-manieth request, from 1, of those that fit the rest of this rule.
        share: of those that fit the rest, this part of them, from 0 to 1. `seed` draws which: by what is said and how
            often it was said before, so the same requests are met in whatever order they come.
    """

    system_contains: str | None = None
    user_contains: str | None = None
    last_role: str | None = None
    nth: int | None = None
    share: float | None = None
    seed: int = 0
    drawn: Counter[str] = field(default_factory=Counter, init=False)

    def fits(self, messages: Messages) -> bool:
        return (
            _contains(messages, "system", self.system_contains)
            and _contains(messages, "user", self.user_contains)
            and self.last_role in (None, messages[-1]["role"])
            and (self.share is None or self._draw(json.dumps(messages)) < self.share)
        )

    def _draw(self, said: str) -> float:
        self.drawn[said] += 1
        return Random(f"{self.seed} {self.drawn[said]} {said}").random()


@dataclass
class Reply:
    """
    Attributes:
        thinking: comes before the rest, signed, where the protocol knows such a thing.
        text, tool_calls: `[{"name", "arguments"}]`; arguments are JSON, or text that is sent as it is. With neither,
            the server answers as it would without a rule.
        taught: the text is what the server knows from `ModelServer.teach`; chat only.
        vectors: for embeddings, instead of those that follow from the texts.
        delay_s, chunk_delay_s: before the first byte, and between the pieces.
        chunks: into how many pieces the text is cut; a few words each by default.
        usage: False sends none; `{"prompt_tokens", "completion_tokens"}` sends these; where the protocol knows a cache,
            of the prompt's tokens so many are `cached_tokens` and `cache_write_tokens`, of the latter
            `cache_write_1h_tokens` for an hour. "cached": it is worked out with what the provider would have kept of
            earlier prompts (see prompt_cache.py).
    """

    thinking: str | None = None
    text: str | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    taught: bool = False
    vectors: list[Any] | None = None
    delay_s: float = 0.0
    chunk_delay_s: float = 0.0
    chunks: int | None = None
    usage: bool | dict[str, Any] | Literal["cached"] = True
    finish_reason: str | None = None


@dataclass
class Fault:
    """
    Attributes:
        status: an error with this HTTP status and, with `retry_after_s`, that header.
        redirect: a 307, to the same place.
        message: of the error.
        break_after_chunks: the stream ends with an error after so many pieces.
        drop_after_chunks: the connection is cut after so many pieces; 0: before the response begins.
        hang_s: nothing is sent for so long, then the connection is cut.
        malformed: what is sent is no JSON.
    """

    status: int | None = None
    redirect: bool = False
    retry_after_s: float | None = None
    message: str = "The script wants this to fail"
    break_after_chunks: int | None = None
    drop_after_chunks: int | None = None
    hang_s: float | None = None
    malformed: bool = False


@dataclass
class Rule:
    match: Match
    reply: Reply
    fault: Fault | None
    times: int | None
    seen: int = 0
    used: int = 0

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Rule:
        """
        Raises:
            TypeError: an unknown key.
        """
        unknown = set(raw) - {"match", "reply", "fault", "times"}
        if unknown:
            raise TypeError(f"unknown keys in a rule: {sorted(unknown)}")
        fault = Fault(**raw["fault"]) if raw.get("fault") else None
        return cls(Match(**raw.get("match", {})), Reply(**raw.get("reply", {})), fault, raw.get("times"))

    def takes(self, messages: Messages) -> bool:
        if not self.match.fits(messages):
            return False
        self.seen += 1
        exhausted = self.times is not None and self.used >= self.times
        if exhausted or self.match.nth not in (None, self.seen):
            return False
        self.used += 1
        return True


def _contains(messages: Messages, role: str, part: str | None) -> bool:
    return part is None or any(part in str(m.get("content") or "") for m in messages if m.get("role") == role)
