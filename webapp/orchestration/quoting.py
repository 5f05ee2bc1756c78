"""
Quotes: what a task will take, from its shape and from what others like it took. Pure.

Each ended task tells one scenario for the new one: it took so many times the tokens, the price and the time that its own
shape made expect. Laid over the new task's shape, the scenarios are a sample of what it may take, and a quote is two
quantiles of that sample. Figures of a quote are estimates, hence floats; what may be spent is decided by budgets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from statistics import linear_regression, median

from webapp.common.values import JSON

LEAST = 20  # scenarios: with fewer of a class a wider one is taken, and at last the shape alone
NEAREST = 100  # scenarios, or half of them where there are more: those with prompts of a similar length
RECENT = 60  # scenarios that tell of time: providers and workers are faster at one hour than at another
SURE = 0.9  # how sure it is that P95 of a sample is above the 95th percentile of what it was drawn from
COLD_SPREAD = 3.0  # P95 over P50 while nothing is known


@dataclass(frozen=True)
class Base:
    """
    What the shape alone makes expect.

    Args:
        kind: "task" or "completion".
        mode: of a task, or "plan" when the caller gave the plan; of a completion "".
        tier: small, medium, large; "named" when the caller names a model, "usual" when neither is said.
        duration_s: along the longest path.
        input_usd, output_usd: per token; None: no price is known.
        completion_limit: tokens, of a completion that was given a limit.
    """

    kind: str
    mode: str
    tier: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    duration_s: float
    input_usd: float | None = None
    output_usd: float | None = None
    completion_limit: int | None = None

    @property
    def name(self) -> str:
        """The narrowest class, e.g. `task/simple/small`."""
        return f"{self.kind}/{self.mode}/{self.tier}"

    def to_json(self) -> JSON:
        return {**asdict(self), "class": self.name}

    @classmethod
    def of(cls, body: JSON) -> Base:
        return cls(**{name: value for name, value in body.items() if name in cls.__dataclass_fields__})

    def usd(self, prompt_tokens: float, completion_tokens: float) -> float | None:
        if self.input_usd is None or self.output_usd is None:
            return None
        return prompt_tokens * self.input_usd + completion_tokens * self.output_usd


@dataclass(frozen=True)
class Past:
    """
    What a task took, beside what its shape had made expect.

    Args:
        duration_s: None unless it was completed.
        ended_s: when, in seconds of any clock.
    """

    base: Base
    prompt_tokens: int
    completion_tokens: int
    usd: float
    duration_s: float | None
    ended_s: float = 0.0


@dataclass(frozen=True)
class Figure:
    p50: float
    p95: float

    def to_json(self) -> JSON:
        return {"p50": _rounded(self.p50), "p95": _rounded(self.p95)}


@dataclass(frozen=True)
class Quote:
    """
    Attributes:
        cost_usd: None when no price is known.
        tasks, of: so many ended tasks, of this class; 0 and "" are the shape alone.
    """

    base: Base
    cost_usd: Figure | None
    tokens: Figure
    duration_s: Figure
    tasks: int
    of: str

    def to_json(self) -> JSON:
        """`{"cost_usd": {"p50": 0.012, "p95": 0.031}, "tokens": ..., "duration_s": ..., "basis": {"tasks": 57, ...}, ...}`."""
        return {
            "cost_usd": self.cost_usd.to_json() if self.cost_usd else None,
            "tokens": {"p50": round(self.tokens.p50), "p95": round(self.tokens.p95)},
            "duration_s": self.duration_s.to_json(),
            "basis": {"tasks": self.tasks, "class": self.of, "told": self.told},
            "base": self.base.to_json(),
        }

    @property
    def told(self) -> str:
        if not self.tasks:
            return "from the plan's shape alone; no run like it yet"
        return f"from the last {self.tasks} {_in_words(self.of)} of your own"


def quote(base: Base, history: Sequence[Past]) -> Quote:
    """
    Args:
        history: ended tasks of the same tenant and kind, in any order.
    """
    of, alike = _alike(base, history)
    prompts = fitted_prompts(alike)
    told = [scenario(base, past, prompts) for past in _nearest(base, alike)]
    # a figure of which too few tasks can tell, as of time when most have failed, is the shape's
    usd = base.usd(base.prompt_tokens, base.completion_tokens)
    costs = [one.usd for one in told if one.usd is not None]
    newest = sorted(alike, key=lambda past: past.ended_s)[-RECENT:]
    times = [s for past in newest if (s := _duration_s(base, past)) is not None]
    return Quote(
        base,
        cost_usd=None if usd is None else _figure(costs, usd),
        tokens=_figure([one.tokens for one in told], base.prompt_tokens + base.completion_tokens),
        duration_s=_figure(times, base.duration_s),
        tasks=len(told),
        of=of,
    )


@dataclass(frozen=True)
class Scenario:
    tokens: float
    usd: float | None


@dataclass(frozen=True)
class Prompts:
    """
    What prompts have really taken: `fixed` tokens, whatever is asked, and `each` for every token that was expected.
    `fixed` is negative where the shape expects too much of our own part.
    """

    fixed: float = 0.0
    each: float = 1.0

    def expected(self, base: Base) -> float:
        tokens = max(1, base.prompt_tokens)
        return max(self.fixed + self.each * tokens, 0.1 * tokens)


def fitted_prompts(history: Sequence[Past]) -> Prompts:
    """
    By least squares of the relative error, so that short prompts count as much as long ones.

    Our own part of a prompt is the same for all and the caller's is not: a single ratio would be wrong for both.
    """
    inverse = [1 / max(1, past.base.prompt_tokens) for past in history]
    ratios = [past.prompt_tokens * x for past, x in zip(history, inverse, strict=True)]
    if len(set(inverse)) < 2:
        return Prompts()
    fixed, each = linear_regression(inverse, ratios)
    return Prompts(fixed, each) if each > 0 else Prompts()


def scenario(base: Base, past: Past, prompts: Prompts = Prompts()) -> Scenario:
    """
    What this task takes if it goes as that one went.

    Besides the tokens, the price may differ from the one expected: another model answered, or a provider's cache.
    """
    prompt = prompts.expected(base) * past.prompt_tokens / prompts.expected(past.base)
    completion = base.completion_tokens * past.completion_tokens / max(1, past.base.completion_tokens)
    if base.completion_limit is not None:
        completion = min(completion, base.completion_limit)
    return Scenario(prompt + completion, _usd(base, past, prompt, completion))


def _duration_s(base: Base, past: Past) -> float | None:
    return None if past.duration_s is None else base.duration_s * past.duration_s / max(0.1, past.base.duration_s)


def _usd(base: Base, past: Past, prompt: float, completion: float) -> float | None:
    expected, there = base.usd(prompt, completion), past.base.usd(past.prompt_tokens, past.completion_tokens)
    if expected is None or there is None:
        return None
    if there > 0:
        return expected * past.usd / there
    tokens = past.prompt_tokens + past.completion_tokens
    return past.usd * (prompt + completion) / tokens if tokens else 0.0  # it was to cost nothing, by its prices


def wider(name: str) -> list[str]:
    """The classes of a task, the narrowest first: with its mode and tier, its mode, its kind."""
    kind, mode, _ = name.split("/")
    return [name, f"{kind}/{mode}/*", f"{kind}/*/*"]


def _alike(base: Base, history: Sequence[Past]) -> tuple[str, Sequence[Past]]:
    for of in wider(base.name):
        found = [past for past in history if of in wider(past.base.name)]
        if len(found) >= LEAST:
            return of, found
    return "", []


def _nearest(base: Base, history: Sequence[Past]) -> Sequence[Past]:
    """How many tokens a character makes, and what a caller does with a long prompt, depend on its length."""

    def distance(past: Past) -> float:
        return abs(math.log(max(1, past.base.prompt_tokens) / max(1, base.prompt_tokens)))

    return sorted(history, key=distance)[: max(NEAREST, len(history) // 2)]


def _figure(sample: Sequence[float], expected: float) -> Figure:
    if len(sample) < LEAST:
        return Figure(expected, expected * COLD_SPREAD)
    return Figure(median(sample), sorted(sample)[rank_of_p95(len(sample)) - 1])


@cache
def rank_of_p95(n: int) -> int:
    """
    Which of n values in order, from 1, is the P95: the ceil((n + 1) * 0.95)-th, as split conformal prediction has it for
    one new value, and as far above as SURE asks for many. With too few for that it is the largest.

    The r-th is above the 95th percentile when fewer than r of the n are below it: Binomial(n, 0.95) < r.
    """
    least = math.ceil((n + 1) * 0.95)
    below = 0.0
    for r in range(1, n + 1):
        below += math.comb(n, r - 1) * 0.95 ** (r - 1) * 0.05 ** (n - r + 1)
        if below >= SURE and r >= least:
            return r
    return n


def why_over(quoted: Quote | None, ceiling_usd: float) -> str | None:
    """Why a task waits for a person instead of starting; None when its P95 is within its ceiling."""
    if quoted is None:
        return None
    if quoted.cost_usd is None:
        return f"No price is known for its models, so nobody can say whether its ceiling of {dollars(ceiling_usd)} is enough"
    if quoted.cost_usd.p95 <= ceiling_usd:
        return None
    return f"Its quote of {dollars(quoted.cost_usd.p95)} (95 %) is above its ceiling of {dollars(ceiling_usd)}"


def dollars(usd: float) -> str:
    """Two figures that count, cents at least: $12.00, $0.12, $0.0031."""
    places = 2 if usd <= 0 or usd >= 0.1 else 1 - math.floor(math.log10(usd))
    return f"${usd:,.{min(places, 10)}f}"


def _in_words(name: str) -> str:
    kind, mode, tier = name.split("/")
    words = [mode if mode != "*" else "", f"{kind}s"]
    of_tier = {"named": "with a named model", "usual": "", "*": ""}.get(tier, f"of the tier {tier}")
    return " ".join(word for word in [*words, of_tier] if word)


def _rounded(value: float) -> float:
    """To four figures that count: more would only look exact."""
    return float(f"{value:.4g}")
