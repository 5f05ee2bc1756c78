"""Are a run's calls accounted for, each once? The servers' logs on one side, holds and balances on the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from benchmarks.gateway.trio import Seen

if TYPE_CHECKING:
    from webapp.budgets.models import Hold

FREE = {429, 500, 503, 529}  # errors that no provider bills
UNSEEN = {"model.breaker_open", "model.unreachable", "call.stopped", ""}  # of a released hold: nobody was asked
STOPPED = "call.stopped"  # on its way, perhaps before it arrived: it is paid for, to be on the safe side


@dataclass
class Place:
    """All that one call had to do with one provider."""

    billed: list[Seen] = field(default_factory=list)
    free: list[Seen] = field(default_factory=list)
    settled: list[Hold] = field(default_factory=list)
    released: list[Hold] = field(default_factory=list)

    @property
    def never_arrived(self) -> int:
        """Of the settled holds: those of calls that were stopped on their way."""
        stopped = sum(hold.error == STOPPED for hold in self.settled)
        return min(stopped, max(0, len(self.settled) - len(self.billed)))

    def wrong(self) -> Iterator[str]:
        if len(self.billed) != len(self.settled) - self.never_arrived:
            yield f"{len(self.billed)} billed requests, {len(self.settled)} settled holds"
        refused = [hold for hold in self.released if hold.error not in UNSEEN]
        if len(self.free) != len(refused):
            yield f"{len(self.free)} unbilled requests, {len(refused)} holds released for them"
        used = sum(one.entry["usage"]["total_tokens"] for one in self.billed if one.entry["usage"])
        paid = sum(hold.prompt_tokens + hold.completion_tokens for hold in self.settled)
        if paid < used or (paid > used and not any(hold.worst_case for hold in self.settled)):
            yield f"{used} tokens used, {paid} paid"


@dataclass(frozen=True)
class Audit:
    """
    `wrong` names each call at a provider, and each balance, where the two sides differ. `never_arrived` are settled holds
    of calls that were stopped on their way: nobody can know whether they will be billed.
    """

    requests: int
    settled: int
    worst_case: int
    released: int
    hedges: int
    never_arrived: int
    wrong: Sequence[str]


def audited(tenant: UUID, tasks: Sequence[UUID], seen: Sequence[Seen]) -> Audit:
    """Of a tenant that has done nothing but these calls."""
    from webapp.budgets.models import Hold
    from webapp.common.tenancy import tenant_scope

    with tenant_scope(tenant):
        holds = list(Hold.objects.exclude(provider=""))
        wrong = [f"hold {hold.pk} is open" for hold in holds if hold.state == "open"]
        wrong += _balances(tenant, holds)
    number = {task: n for n, task in enumerate(tasks)}
    places: dict[tuple[int, str], Place] = defaultdict(Place)
    for one in seen:
        place = places[one.call, one.provider]
        (place.free if one.entry["status"] in FREE else place.billed).append(one)
    for hold in holds:
        place = places[number[hold.task_id], hold.provider]
        (place.settled if hold.state == "settled" else place.released).append(hold)
    wrong += [f"call {n} at {name}: {what}" for (n, name), place in sorted(places.items()) for what in place.wrong()]
    settled = [hold for hold in holds if hold.state == "settled"]
    return Audit(
        requests=len(seen),
        settled=len(settled),
        worst_case=sum(hold.worst_case for hold in settled),
        released=len(holds) - len(settled),
        hedges=sum(hold.hedge for hold in holds),
        never_arrived=sum(place.never_arrived for place in places.values()),
        wrong=wrong,
    )


def _balances(tenant: UUID, holds: Sequence[Hold]) -> Iterator[str]:
    """The tenant's and each task's envelope against the ledger."""
    from webapp.budgets.models import Envelope

    tokens: dict[UUID, int] = defaultdict(int)
    usd: dict[UUID, Decimal] = defaultdict(Decimal)
    for hold in holds:
        for owner in (tenant, hold.task_id):
            tokens[owner] += hold.prompt_tokens + hold.completion_tokens if hold.state == "settled" else 0
            usd[owner] += hold.usd if hold.state == "settled" else 0
    for envelope in Envelope.objects.filter(level__in=("tenant", "task")):
        owner = envelope.owner_id
        if (envelope.tokens_spent, envelope.usd_spent) != (tokens[owner], usd[owner]):
            yield f"{envelope}: {envelope.tokens_spent} tokens spent, {tokens[owner]} by the ledger"
        if envelope.tokens_held or envelope.usd_held:
            yield f"{envelope}: {envelope.tokens_held} tokens are still held"
