"""How calls of one process ended, collected until the next batch: as little as the shared breaker needs to hear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any


class Ends:
    """
    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._success_at: float | None = None
        self._clear()

    def __bool__(self) -> bool:
        return bool(self._succeeded or self._failed or self._withdrawn or self._renewed or self.returned)

    def succeeded(self, generation: str, *, told: bool) -> None:
        """
        It ends the row of failures, also of those not told yet.

        Args:
            told: somebody knows of failures, or of the probe that this was, so that they must hear of it.
        """
        self._success_at = self._clock()
        self._failed.clear()
        if told:
            self._succeeded.add(generation)

    def failed(self, generation: str, code: str, times: int) -> None:
        self._failed[generation] += times
        self._error = code

    def withdrawn(self, generation: str) -> None:
        self._withdrawn.add(generation)

    def renewed(self, generation: str) -> None:
        self._renewed.add(generation)

    def taken(self) -> dict[str, Any]:
        """For the script, e.g. `{"failed": [{"generation": "0", "count": 2, "error": "model.timeout"}], ...}`."""
        said: dict[str, Any] = {
            "succeeded": sorted(self._succeeded),
            "failed": [{"generation": g, "count": n, "error": self._error} for g, n in self._failed.items()],
            "withdrawn": sorted(self._withdrawn),
            "renewed": sorted(self._renewed),
        }
        if self._success_at is not None:
            said["quiet_s"] = self._clock() - self._success_at
        self._clear()
        return said

    def _clear(self) -> None:
        self._succeeded: set[str] = set()
        self._withdrawn: set[str] = set()
        self._renewed: set[str] = set()
        self._failed: Counter[str] = Counter()
        self.returned: Counter[str] = Counter()  # tokens by bucket
        self._error = ""
