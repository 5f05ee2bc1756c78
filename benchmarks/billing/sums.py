"""Where the difference between two bills comes from, request by request. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

ANSWERED = ("exact", "semantic", "single_flight")  # no model was asked for the answer
CONTEXT, ANSWER, MODEL, PROVIDER_CACHE, OWN_CALLS = "context", "answer", "model", "provider_cache", "own_calls"
CAUSES = (*ANSWERED, PROVIDER_CACHE, CONTEXT, MODEL, ANSWER, OWN_CALLS)
Plain = Callable[[int, int], Decimal]


@dataclass(frozen=True)
class Line:
    """
    One request on a bill.

    Attributes:
        plain_usd: what its call would have cost without the provider's prompt cache.
        usd: what it did cost.
        own_usd: what was paid besides, for calls that nobody asked for: embeddings, summaries.
        cause: of ANSWERED, where it was; the tokens are 0 then.
    """

    prompt_tokens: int
    completion_tokens: int
    plain_usd: Decimal
    usd: Decimal
    own_usd: Decimal = Decimal(0)
    cause: str = ""

    @property
    def total_usd(self) -> Decimal:
        return self.usd + self.own_usd


@dataclass
class Sums:
    """USD saved by cause; `requests` that a cause had a part in."""

    usd: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(CAUSES, Decimal(0)))
    requests: Counter[str] = field(default_factory=Counter)

    def add(self, cause: str, usd: Decimal) -> None:
        self.usd[cause] += usd
        self.requests[cause] += bool(usd)

    @property
    def total(self) -> Decimal:
        return sum(self.usd.values(), Decimal(0))


def sums(before: Sequence[Line], after: Sequence[Line], dear: Plain) -> Sums:
    """
    Args:
        dear: the price of so many tokens of prompt and of completion at the model of the first bill, uncached.
    """
    found = Sums()
    for plain, ours in zip(before, after, strict=True):
        for cause, usd in parts(plain, ours, dear):
            found.add(cause, usd)
    return found


def parts(before: Line, after: Line, dear: Plain) -> Iterator[tuple[str, Decimal]]:
    """
    They add up to the difference. An answer without a call saves all of it. Else fewer tokens count at the first model's
    price, then the other model for what is left, then what the prompt cache takes off more than it did before: as a share,
    since a cheaper model's prompts have less to be taken off.
    """
    yield OWN_CALLS, -after.own_usd
    if after.cause:
        yield after.cause, before.usd - after.usd
        return
    same = dear(after.prompt_tokens, after.completion_tokens)
    taken_off = before.plain_usd - before.usd
    scaled = taken_off * after.plain_usd / same
    yield CONTEXT, dear(before.prompt_tokens, 0) - dear(after.prompt_tokens, 0)
    yield ANSWER, dear(0, before.completion_tokens) - dear(0, after.completion_tokens)
    yield MODEL, (same - taken_off) - (after.plain_usd - scaled)
    yield PROVIDER_CACHE, (after.plain_usd - after.usd) - scaled
