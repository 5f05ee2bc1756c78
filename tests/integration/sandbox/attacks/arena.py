"""Attacks against keepers of one process each, so that the run after an attack meets what the attack has left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.keeper import Keeper
from tests.integration.sandbox.attacks.attack import LIMITS, Attack
from tests.integration.sandbox.attacks.canary import Canary


@dataclass(frozen=True)
class Played:
    """What came of an attack: its status, how long it took as its caller saw it, and what was wrong."""

    status: str
    took_s: float
    faults: tuple[str, ...]


class Arena:
    """
    Args:
        folder: of the image.
        size: keepers; as many attacks run side by side.
    """

    def __init__(self, *, folder: Path, scratch: Path, size: int) -> None:
        self.keepers = [Keeper(image=folder, size=1, limits=LIMITS, scratch=scratch) for _ in range(size)]

    async def __aenter__(self) -> Arena:
        await asyncio.gather(*(keeper.start() for keeper in self.keepers))
        self._canary = await Canary.of(self.keepers[0])
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(keeper.close() for keeper in self.keepers))

    async def play(self, attacks: Iterable[Attack], each: Callable[[Attack, Played], None]) -> None:
        """All of them, in this order as far as keepers are free; `each` is told of every end."""
        waiting = iter(attacks)
        await asyncio.gather(*(self._one_after_another(keeper, waiting, each) for keeper in self.keepers))

    async def _one_after_another(
        self, keeper: Keeper, waiting: Iterable[Attack], each: Callable[[Attack, Played], None]
    ) -> None:
        for attack in waiting:
            each(attack, await self._play(keeper, attack))

    async def _play(self, keeper: Keeper, attack: Attack) -> Played:
        started = time.monotonic()
        try:
            outcome = await keeper.run(attack.job(), attack.within())
        except Exception as error:
            return Played("raised", time.monotonic() - started, (f"the keeper raised {error!r}",))
        took_s = time.monotonic() - started
        return Played(outcome.status, took_s, (*attack.faults(outcome), *await self._canary.faults(keeper)))
