"""Never giving up: what the supervisor has stopped trying to start is tried again, with longer and longer pauses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

FIRST_S, LONGEST_S = 5.0, 60.0


class Reviver:
    """Remembers how often each process was given up on; one that has run for a minute starts anew."""

    def __init__(self) -> None:
        self._pause_s: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def due(self, processes: Iterable[Mapping[str, Any]], now: float) -> list[Mapping[str, Any]]:
        """Those of the supervisor's records that are to be started now. `now` is in seconds of any steady clock."""
        return [process for process in processes if self._is_due(process, now)]

    def _is_due(self, process: Mapping[str, Any], now: float) -> bool:
        name = process["name"]
        if process["statename"] == "RUNNING" and process["now"] - process["start"] > LONGEST_S:
            self._pause_s.pop(name, None)
        if process["statename"] != "FATAL":
            self._due.pop(name, None)
            return False
        if name not in self._due:
            pause = self._pause_s.get(name, FIRST_S)
            self._due[name], self._pause_s[name] = now + pause, min(2 * pause, LONGEST_S)
        return now >= self._due[name]
