"""Where the calls of one process ask for their turn at a provider, and say how they ended: many in one message.

What is asked while a message is out goes with the next one, so ten thousand calls at once cost a handful of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from time import monotonic
from typing import Any, Literal, NamedTuple

import structlog

from webapp.common.breakers import BREAKERS
from workers.gateway.ends import Ends
from workers.gateway.errors import ModelError
from workers.gateway.line import Line
from workers.gateway.resilience import Breaker, Limited, ends_in_row
from workers.gateway.row import Place, Row

log = structlog.get_logger()
EDGE_S = 2e-6  # a shorter wait is none; the script's rounding


@dataclass(frozen=True, slots=True)
class Turn:
    """
    Attributes:
        refused: by the rate (waiting would take too long) or by the breaker; nothing is reserved then.
        wait_s: the token is reserved; the call may go after so long, and asks the breaker again when that isn't at once.
            Of one that the rate refused, when its token would have come.
        generation: of the breaker, when it let the call pass.
        probe: it alone may go, and decides on the breaker.
    """

    refused: Literal["", "rate", "breaker"] = ""
    wait_s: float = 0.0
    generation: str = ""
    probe: bool = False


class Kept(NamedTuple):
    """Where in Redis a breaker lies: the name of the hash, and how long that is kept after its last change; 0: for ever."""

    name: str
    kept_s: int = 0


class Ask(NamedTuple):
    bucket: str
    wait_s: float
    answer: asyncio.Future[Turn | None]


class Desk:
    """
    Args:
        breaker: this process' own. It follows the shared one, and takes over when Redis is away.
    """

    def __init__(self, name: str, settings: Limited, breaker: Breaker, line: Line, kept: Kept = Kept(BREAKERS)) -> None:
        self.breaker, self._kept = breaker, kept
        self._name, self._settings, self._line = name, settings, line
        self._pace_s = 60 / settings.requests_per_minute
        self._state, self._generation = "closed", "0"
        self._asks: list[Ask] = []
        self._checks: list[asyncio.Future[Turn | None]] = []
        self._ends = Ends(monotonic)
        self._row = Row(settings.breaker.failures)
        self._sending: asyncio.Task[None] | None = None

    # --- what calls say ---

    async def ask(self, bucket: str, wait_s: float) -> Turn | None:
        """A turn for a call that waits so long at most; None: Redis is away."""
        if self._line.away:
            return None
        if self._surely_open:
            return Turn("breaker")
        answer: asyncio.Future[Turn | None] = asyncio.get_running_loop().create_future()
        self._asks.append(Ask(bucket, wait_s, answer))
        return await self._answer(answer, bucket)

    async def check(self) -> Turn | None:
        """Does the breaker still let a call pass that has its token and has waited? None: Redis is away."""
        if self._line.away:
            return None
        if self._surely_open:
            return Turn("breaker")
        answer: asyncio.Future[Turn | None] = asyncio.get_running_loop().create_future()
        self._checks.append(answer)
        return await self._answer(answer, None)

    def began(self) -> Place:
        """A call that may go now. It ends by `ended` or `withdraw`."""
        return self._row.began()

    def ended(self, turn: Turn, place: Place, error: ModelError | None) -> None:
        """A call that began in an earlier state has no say, which the script checks again."""
        outage = error is not None and error.outage
        certain = ends_in_row(self._row, place, failed=outage)
        if turn.generation != self._generation:
            return
        if error and outage:
            if times := max(certain, int(turn.probe)):
                self._ends.failed(turn.generation, error.code, times)
        else:
            self._ends.succeeded(turn.generation, told=turn.probe or self.breaker.failures > 0)
        self._send_soon()

    def give_back(self, turn: Turn, bucket: str) -> None:
        """Nothing was sent."""
        self._ends.returned[bucket] += 1
        self.withdraw(turn)

    def withdraw(self, turn: Turn, place: Place | None = None) -> None:
        """It ended, or never began, without telling anything about the provider: the next call may probe."""
        if place:
            self._row.nothing(place)
        if turn.probe:
            self._ends.withdrawn(turn.generation)
        self._send_soon()

    def renew(self, turn: Turn) -> None:
        """The probe is still out."""
        self._ends.renewed(turn.generation)
        self._send_soon()

    # --- the messages ---

    @property
    def _surely_open(self) -> bool:
        """No other worker can close it before its time, so there is nothing to ask."""
        return self._state == "open" and self.breaker.left_s > 0

    async def _answer(self, answer: asyncio.Future[Turn | None], bucket: str | None) -> Turn | None:
        self._send_soon()
        try:
            return await answer
        except asyncio.CancelledError:
            if not answer.cancelled() and (turn := answer.result()):
                self._undo(turn, bucket)
            raise

    def _send_soon(self) -> None:
        """After all that is ready in this turn of the loop has run."""
        if self._sending is None and (self._asks or self._checks or self._ends):
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._asks or self._checks or self._ends:
                await self._send_batch()
        finally:
            self._sending = None

    async def _send_batch(self) -> None:
        asks, checks = self._asks, self._checks
        self._asks, self._checks = [], []
        groups = [list(group) for _, group in groupby(asks, key=lambda ask: ask[:2])]
        try:
            answer = await self._told(groups, len(checks))
            if answer:
                self._follow(answer)
                self._deal(answer, groups, checks)
        finally:
            for waiting in (*checks, *(ask.answer for ask in asks)):
                if not waiting.done():
                    waiting.set_result(None)

    async def _told(self, groups: Sequence[Sequence[Ask]], checks: int) -> dict[str, Any] | None:
        """Ends that Redis can't hear of are lost: the process' own breaker begins to count."""
        returned, said = self._ends.returned, self._ends.taken()
        if self._line.away:
            return None
        buckets = list(dict.fromkeys([*returned, *(group[0].bucket for group in groups)]))
        number = {bucket: n for n, bucket in enumerate(buckets, 2)}  # Lua counts from 1, and the breakers are first
        batch = {
            **said,
            "failures": self._settings.breaker.failures,
            "recovery_s": self._settings.breaker.recovery_s,
            "pace_s": self._pace_s,
            "returned": [{"bucket": number[bucket], "count": count} for bucket, count in returned.items()],
            "asks": [{"bucket": number[g[0].bucket], "calls": len(g), "wait_s": g[0].wait_s} for g in groups],
            "checks": checks,
            "kept_s": self._kept.kept_s,
        }
        if self.breaker.state == "open":
            batch["known"] = {"failures": self.breaker.failures, "left_s": self.breaker.left_s}
        return await self._line.tell([self._kept.name, *buckets], self._name, batch)

    def _follow(self, answer: dict[str, Any]) -> None:
        self._state, self._generation = answer["state"], answer["generation"]
        self.breaker.follow(answer["state"], failures=answer["failures"], left_s=answer["left_s"])
        for change in answer["changes"]:
            log.warning(
                f"breaker.{change}",
                provider=self._name,
                failures=answer["failures"],
                error=answer["error"],
                left_s=round(answer["left_s"], 3),
                shared=True,
            )

    def _deal(
        self, answer: dict[str, Any], groups: Sequence[Sequence[Ask]], checks: Sequence[asyncio.Future[Turn | None]]
    ) -> None:
        """The probe is the first call that may go."""
        generation, probe, closed = self._generation, answer["probe"], answer["state"] == "closed"
        for i, waiting in enumerate(checks):
            passes = i < answer["passed"]
            turn = Turn(generation=generation, probe=probe) if passes else Turn("breaker")
            self._hand(waiting, turn, None)
        probe = probe and not answer["passed"]
        for group, (admitted, first_s) in zip(groups, answer["turns"], strict=False):
            for i, ask in enumerate(group, 1):
                wait_s = first_s + i * self._pace_s
                if i > admitted:
                    turn = Turn("rate", wait_s=max(0.0, wait_s)) if closed else Turn("breaker")
                else:
                    at_once = probe or (closed and wait_s <= EDGE_S)
                    turn = Turn(wait_s=0.0 if at_once else max(EDGE_S, wait_s), generation=generation, probe=probe)
                self._hand(ask.answer, turn, ask.bucket)

    def _hand(self, waiting: asyncio.Future[Turn | None], turn: Turn, bucket: str | None) -> None:
        if waiting.done():
            self._undo(turn, bucket)
        else:
            waiting.set_result(turn)

    def _undo(self, turn: Turn, bucket: str | None) -> None:
        """The caller has gone."""
        if turn.refused:
            return
        if bucket:
            self.give_back(turn, bucket)
        else:
            self.withdraw(turn)
