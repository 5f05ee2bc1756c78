"""Asks a workload: talks side by side, the turns of each one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.billing.workload import Talk, Turn, Workload

Message = dict[str, str]


@dataclass(frozen=True)
class Heard:
    """
    Attributes:
        name: of the call, where it was made.
    """

    text: str
    name: str


@dataclass(frozen=True)
class Asked:
    talk: Talk
    turn: Turn
    heard: Heard

    @property
    def right(self) -> bool:
        return self.turn.answered_by(self.heard.text)


Ask = Callable[[Talk, Sequence[Message]], Heard]


def play(workload: Workload, ask: Ask, *, between: Callable[[], Any]) -> list[Asked]:
    """
    Every request in the order of its number.

    Args:
        between: before each wave.
    """
    found: list[Asked] = []
    with ThreadPoolExecutor(max(len(talks) for rounds in workload.waves for talks in rounds)) as pool:
        for rounds in workload.waves:
            between()
            for talks in rounds:
                for asked in pool.map(lambda talk: _talk(talk, ask), talks):
                    found += asked
    return sorted(found, key=lambda asked: asked.turn.number)


def _talk(talk: Talk, ask: Ask) -> list[Asked]:
    messages, found = [{"role": "system", "content": talk.system}], []
    for turn in talk.turns:
        messages.append({"role": "user", "content": turn.says})
        heard = ask(talk, messages)
        messages.append({"role": "assistant", "content": heard.text})
        found.append(Asked(talk, turn, heard))
    return found
