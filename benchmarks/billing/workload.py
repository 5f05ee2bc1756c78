"""The workload: who asks what, in which order, and which answer is right. docs/bill.md describes the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).with_name("workload.json")


@dataclass(frozen=True)
class Turn:
    """
    Attributes:
        number: of the request, from 0.
        answer: what stands in a right answer.
        kind: what it is in the mix, e.g. "near miss".
    """

    number: int
    says: str
    answer: str
    kind: str

    def answered_by(self, text: str) -> bool:
        """As words of their own: 89 euros are not 9 euros."""
        return re.search(rf"(?<!\w){re.escape(self.answer)}(?!\w)", text) is not None


@dataclass(frozen=True)
class Talk:
    """One conversation: each turn is asked with all that was said before it."""

    session: str
    tenant: str
    user: str
    system: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Workload:
    """
    Attributes:
        waves: between two of them all prompts that providers have kept are forgotten. Each has rounds: talks that begin at
            the same moment, and end before the next round.
        facts: what the scripted models know.
    """

    tenants: tuple[str, ...]
    waves: tuple[tuple[tuple[Talk, ...], ...], ...]
    facts: list[dict[str, Any]]

    @property
    def talks(self) -> Iterator[Talk]:
        return (talk for rounds in self.waves for talks in rounds for talk in talks)

    @property
    def turns(self) -> Iterator[Turn]:
        return (turn for talk in self.talks for turn in talk.turns)


class Malformed(Exception):
    """The file is no workload."""


def read(path: Path) -> Workload:
    """
    Raises:
        Malformed: and what is missing.
    """
    raw = json.loads(path.read_text(encoding="utf-8"))
    try:
        return parse(raw)
    except KeyError as error:
        raise Malformed(f"{path}: {error} is missing or not known") from error


def parse(raw: dict[str, Any]) -> Workload:
    """
    Raises:
        KeyError
    """
    systems = {tenant["name"]: tenant["system"] for tenant in raw["tenants"]}
    talks = _Talks(systems)
    sessions = [(session["wave"], talks.of(n, session)) for n, session in enumerate(raw["sessions"])]
    waves = sorted({wave for wave, _ in sessions})
    rounds = (_rounds([found for wave, found in sessions if wave == number]) for number in waves)
    return Workload(tuple(systems), tuple(rounds), raw["knowledge"])


class _Talks:
    """Numbers the requests as it reads them."""

    def __init__(self, systems: dict[str, str]) -> None:
        self._systems, self._count = systems, 0

    def of(self, number: int, session: dict[str, Any]) -> list[Talk]:
        tenant = session["tenant"]
        return [
            Talk(f"session-{number}", tenant, session["user"], self._systems[tenant], tuple(map(self._turn, turns)))
            for turns in session["talks"]
        ]

    def _turn(self, raw: dict[str, Any]) -> Turn:
        self._count += 1
        return Turn(self._count - 1, raw["says"], raw["answer"], raw.get("kind", ""))


def _rounds(sessions: Sequence[list[Talk]]) -> tuple[tuple[Talk, ...], ...]:
    longest = max(map(len, sessions))
    return tuple(tuple(talks[n] for talks in sessions if len(talks) > n) for n in range(longest))
