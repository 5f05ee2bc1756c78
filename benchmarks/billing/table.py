"""The two bills beside each other, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from benchmarks.billing.play import Asked
from benchmarks.billing.served import Books
from benchmarks.billing.sums import ANSWERED, CAUSES, Line, Sums

NAMES = {
    "exact": "the same question: answer kept",
    "semantic": "an alike question: answer kept",
    "single_flight": "the same question at once",
    "provider_cache": "provider's prompt cache",
    "context": "context left out",
    "model": "smaller model",
    "answer": "longer or shorter answers",
    "own_calls": "calls of our own",
}
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Bill:
    """
    One comparison. `server_usd` is what the model server's own log comes to for Hartley's calls.

    Attributes:
        want: the share that should be saved.
    """

    title: str
    want: Decimal
    plainly: Sequence[Asked]
    before: Sequence[Line]
    asked: Sequence[Asked]
    books: Books
    server_usd: Decimal
    sums: Sums
    took_s: float

    @property
    def before_usd(self) -> Decimal:
        return sum((line.total_usd for line in self.before), Decimal(0))

    @property
    def after_usd(self) -> Decimal:
        return self.books.settled_usd

    @property
    def saved(self) -> Decimal:
        """As a share."""
        return 1 - self.after_usd / self.before_usd

    @property
    def saved_of_plain(self) -> Decimal:
        """The share of what the naive requests would have cost had no provider kept a prompt."""
        return 1 - self.after_usd / sum((line.plain_usd for line in self.before), Decimal(0))

    @property
    def residual_usd(self) -> Decimal:
        return self.before_usd - self.after_usd - self.sums.total

    @property
    def kept_wrong(self) -> list[Asked]:
        """Answers of a cache that are not the right ones."""
        kept = zip(self.asked, self.books.lines, strict=True)
        return [asked for asked, line in kept if line.cause in ANSWERED and not asked.right]

    def broken(self) -> Iterator[str]:
        """The promises that were not kept."""
        if self.saved < self.want:
            yield f"{self.saved:.1%} saved, {self.want:.0%} wanted"
        if self.kept_wrong:
            yield f"{len(self.kept_wrong)} wrong answers came from a cache"
        if abs(self.server_usd - self.after_usd) >= CENT and not self.books.worst_case:
            yield f"the ledger says {self.after_usd:.4f} USD, the model server {self.server_usd:.4f}"
        if abs(self.residual_usd) >= CENT:
            yield f"{self.residual_usd:.4f} USD have no cause"


def show(bill: Bill) -> None:
    print("\n".join(lines(bill)), flush=True)


def lines(bill: Bill) -> Iterator[str]:
    yield f"\n{bill.title} ({bill.took_s:.0f} s)"
    yield f"{'':34}{'requests':>10}{'right':>7}{'USD':>11}{'of naive':>10}{'as told':>11}"
    yield _row("naive", len(bill.plainly), _right(bill.plainly), bill.before_usd, bill.before_usd)
    for cause in CAUSES:
        told = bill.books.told.get(cause)
        yield _row(f"- {NAMES[cause]}", bill.sums.requests[cause], "", -bill.sums.usd[cause], bill.before_usd, told)
    yield _row("- no cause found", "", "", -bill.residual_usd, bill.before_usd)
    yield _row("Hartley", len(bill.asked), _right(bill.asked), bill.after_usd, bill.before_usd)
    yield f"saved {bill.saved:.1%}; of what the naive side costs where no provider keeps prompts, {bill.saved_of_plain:.1%}"
    yield (
        f"wrong answers from a cache {len(bill.kept_wrong)}; the model server's log says "
        f"{bill.server_usd:.4f} USD, settled at the worst case {bill.books.worst_case}"
    )
    for asked in bill.kept_wrong:
        yield f"  wrong: {asked.turn.says!r} is {asked.turn.answer!r}, not {asked.heard.text[:80]!r}"
    yield from (f"  BROKEN: {promise}" for promise in bill.broken())


def _right(asked: Sequence[Asked]) -> int:
    return sum(one.right for one in asked)


def _row(name: str, requests: object, right: object, usd: Decimal, whole: Decimal, told: Decimal | None = None) -> str:
    said = "" if told is None else f"{-told:.4f}"
    return f"{name:34}{requests!s:>10}{right!s:>7}{usd:>11.4f}{usd / whole:>10.1%}{said:>11}"
