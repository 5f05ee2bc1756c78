"""How models have done lately, as this process has seen it: calls, latency, success, load. Routing reads it.

One event loop writes and reads it; nothing here waits. What is not called for a while is forgotten, so that a model
which once did badly is tried again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

SHARE = 0.1  # what the newest call counts for in a model's means
SHARE_OF_ALL = 1 / 64  # and in those over all models: a single failure must not look like an outage
WINDOW = 256  # latencies kept for the p95
P95_LEAST = 20
SLOW = 3  # times the median
FORGOTTEN_S = 600.0
MODELS_LIMIT = 512  # callers may name models that no catalogue lists


@dataclass(frozen=True)
class ModelStats:
    """
    Attributes:
        calls: that have ended and told something, in memory.
        mean_s: of those that succeeded, newer ones counting more; None is not known.
        p95_s: of the last successes; None until enough are known.
        slow_s: what takes longer is slow: the p95, or three times the median where that is less. When a few calls hang,
            the p95 is now that of the others, now theirs.
        first_s: to the first piece of an answer, newer ones counting more; None is not known.
        success_rate: newer calls counting more; 1 where nothing is known.
    """

    calls: int = 0
    failures: int = 0
    in_flight: int = 0
    mean_s: float | None = None
    p95_s: float | None = None
    slow_s: float | None = None
    first_s: float | None = None
    success_rate: float = 1.0


UNKNOWN = ModelStats()


@dataclass(eq=False)
class Running:
    """A call that has begun. It ends once; a second end is not counted."""

    provider: str
    model: str
    over: bool = False


@dataclass
class Latencies:
    """The last `WINDOW` of them, kept sorted too: the p95 is one look."""

    newest: deque[float] = field(default_factory=deque)
    ordered: list[float] = field(default_factory=list)

    def add(self, seconds: float) -> None:
        if len(self.newest) == WINDOW:
            del self.ordered[bisect_left(self.ordered, self.newest.popleft())]
        self.newest.append(seconds)
        insort(self.ordered, seconds)

    @property
    def p95_s(self) -> float | None:
        """The nearest rank: 95 % of the known ones took no longer."""
        known = len(self.ordered)
        return self.ordered[-(-known * 95 // 100) - 1] if known >= P95_LEAST else None

    @property
    def slow_s(self) -> float | None:
        p95_s = self.p95_s
        return None if p95_s is None else min(p95_s, SLOW * self.ordered[len(self.ordered) // 2])


@dataclass
class Past:
    """What is remembered of a model; `at` is when a call last ended."""

    share: float
    at: float
    calls: int = 0
    failures: int = 0
    mean_s: float | None = None
    first_s: float | None = None
    success_rate: float = 1.0
    latencies: Latencies = field(default_factory=Latencies)

    def add(self, seconds: float, *, ok: bool, first_s: float | None, at: float) -> None:
        self.at = at
        self.calls += 1
        self.failures += not ok
        self.success_rate += self.share * (ok - self.success_rate)
        if first_s is not None:
            self.first_s = self._mean(self.first_s, first_s, self.calls)
        if ok:
            self.mean_s = self._mean(self.mean_s, seconds, self.calls - self.failures)
            self.latencies.add(seconds)

    def _mean(self, mean: float | None, newest: float, known: int) -> float:
        """The plain mean of the first few, so that the very first doesn't weigh for long."""
        return newest if mean is None else mean + max(self.share, 1 / known) * (newest - mean)

    def shown(self, in_flight: int) -> ModelStats:
        p95_s, slow_s = self.latencies.p95_s, self.latencies.slow_s
        rates = self.first_s, self.success_rate
        return ModelStats(self.calls, self.failures, in_flight, self.mean_s, p95_s, slow_s, *rates)


class LiveStatistics:
    """
    Args:
        clock: seconds that never go back; it only tells what is old enough to be forgotten.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._past: dict[tuple[str, str], Past] = {}
        self._in_flight: dict[tuple[str, str], int] = {}
        self._all = Past(SHARE_OF_ALL, clock())

    def began(self, provider: str, model: str) -> Running:
        """As soon as the model is decided on: what waits for its turn is load too."""
        key = provider, model
        self._in_flight[key] = self._in_flight.get(key, 0) + 1
        return Running(provider, model)

    def ended(self, call: Running, seconds: float, ok: bool | None, *, first_s: float | None = None) -> None:
        """
        Args:
            seconds: from the request to the whole answer, without the wait for a turn.
            ok: None tells nothing about the model: nothing was sent, or the caller went away.
            first_s: from the request to the first piece of the answer, when it streamed.
        """
        if call.over:
            return
        call.over = True
        key = call.provider, call.model
        self._lighten(key)
        if ok is not None:
            now = self._clock()
            self._all = _kept(self._all, now) or Past(SHARE_OF_ALL, now)
            for past in (self._all, self._remembered(key, now)):
                past.add(seconds, ok=ok, first_s=first_s, at=now)

    def of(self, provider: str, model: str) -> ModelStats:
        key = provider, model
        past, in_flight = _kept(self._past.get(key), self._clock()), self._in_flight.get(key, 0)
        if past:
            return past.shown(in_flight)
        return ModelStats(in_flight=in_flight) if in_flight else UNKNOWN

    def overall(self) -> ModelStats:
        """All models together, over the last hundred calls or so."""
        past, in_flight = _kept(self._all, self._clock()), sum(self._in_flight.values())
        return past.shown(in_flight) if past else ModelStats(in_flight=in_flight)

    def _lighten(self, key: tuple[str, str]) -> None:
        self._in_flight[key] -= 1
        if not self._in_flight[key]:
            del self._in_flight[key]

    def _remembered(self, key: tuple[str, str], now: float) -> Past:
        past = _kept(self._past.get(key), now)
        if past is None:
            self._past.pop(key, None)
            if len(self._past) >= MODELS_LIMIT:
                del self._past[min(self._past, key=lambda other: self._past[other].at)]
            past = self._past[key] = Past(SHARE, now)
        return past


def _kept(past: Past | None, now: float) -> Past | None:
    return past if past and now - past.at <= FORGOTTEN_S else None
