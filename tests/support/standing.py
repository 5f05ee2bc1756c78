"""One farm at a time, which outlives its module: the next that asks for the same one finds it running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.farm import Farm
from tests.support.services import Services

FIXTURES = (
    "connected",
    "looping",
    "caching",
    "flower",
    "streaming",
    "farm",
)  # of farms; the first that a module needs is its own


@dataclass
class Standing:
    """
    Args:
        folder: of all their logs, a folder each.
    """

    services: Services
    folder: Path
    _farm: Farm | None = None
    _started: int = field(default=0, init=False)

    def ask(self, env: dict[str, str], more: dict[str, list[str]] | None = None) -> Farm:
        """
        A farm with these settings and further programs, every process of it running. What a test has killed is started
        again, and nothing is known of any provider. The last farm asked for, if it had others, is stopped.
        """
        if not self._farm or (self._farm.env, self._farm.more) != (env, more or {}):
            self.stop()
            self._started += 1
            folder = self.folder / str(self._started)
            folder.mkdir()
            self._farm = Farm(self.services, env, folder, more=more or {})
        self._farm.start()
        return self._farm

    def stop(self) -> None:
        if self._farm:
            self._farm.stop()
            self._farm = None


def farm_of(module: Sequence[pytest.Item]) -> int:
    """Which farm its tests need; 0: none."""
    names = {name for item in module for name in getattr(item, "fixturenames", ())}
    return next((number for number, name in enumerate(FIXTURES, start=1) if name in names), 0)
