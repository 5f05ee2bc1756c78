"""
What an agent believes: hypotheses, the evidence for and against each, and how sure that makes it. Pure.

Nobody sets a confidence. It follows from the prior and the evidence, in whatever order that came: in odds, evidence of
weight w multiplies by 1 / (1 - w) when it supports and by 1 - w when it contradicts. So support never lowers,
contradiction never raises, and equal weights cancel out. See docs/agents.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from webapp.common.errors import Invalid
from webapp.common.values import JSON

THRESHOLD = 0.75
PRIOR = 0.5
HYPOTHESES_LIMIT = 10
EVIDENCE_LIMIT = 20  # of one hypothesis, both sides together
STATEMENT_LIMIT_CHARS = 500
TEXT_LIMIT_CHARS = 500
ID = re.compile(r"[A-Za-z0-9_.-]{1,40}")

Side = Literal["supporting", "contradicting"]


class BeliefsInvalid(Invalid):
    """`field` is the way to it, e.g. `hypotheses.2.prior`."""

    code = "beliefs.invalid"


@dataclass(frozen=True)
class Evidence:
    """
    Attributes:
        weight: 0 says nothing, 1 settles it.
        step: where the agent weighed it.
    """

    text: str
    weight: float
    step: int

    def __post_init__(self) -> None:
        _text("text", self.text, TEXT_LIMIT_CHARS)
        _share("weight", self.weight)
        if isinstance(self.step, bool) or not isinstance(self.step, int) or self.step < 1:
            raise BeliefsInvalid(field="step", message="must be the number of a step")

    def to_json(self) -> JSON:
        return {"text": self.text, "weight": self.weight, "step": self.step}


@dataclass(frozen=True)
class Hypothesis:
    """The same text counts as evidence once: who says it again, or for both sides, adds nothing."""

    id: str
    statement: str
    prior: float = PRIOR
    supporting: tuple[Evidence, ...] = ()
    contradicting: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not ID.fullmatch(self.id):
            raise BeliefsInvalid(field="id", message="must be 1 to 40 letters, digits, dots, dashes or underscores")
        _text("statement", self.statement, STATEMENT_LIMIT_CHARS)
        _share("prior", self.prior)
        evidence = self.evidence
        if len(evidence) > EVIDENCE_LIMIT:
            raise BeliefsInvalid(field="evidence", message=f"{self.id} can't have more than {EVIDENCE_LIMIT} pieces")
        if len({each.text for each in evidence}) < len(evidence):
            raise BeliefsInvalid(field="evidence", message=f"{self.id} has the same text twice")

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return self.supporting + self.contradicting

    @property
    def confidence(self) -> float:
        """0 to 1. What is proved and refuted, both by weight 1, is open: 0.5."""
        odds_for = self.prior * _left(self.contradicting)
        odds_against = (1 - self.prior) * _left(self.supporting)
        if odds_for == 0:
            return 0.0 if odds_against else 0.5
        return 1 / (1 + odds_against / odds_for)

    def support(self, evidence: Evidence) -> Hypothesis:
        return self._with("supporting", evidence)

    def contradict(self, evidence: Evidence) -> Hypothesis:
        return self._with("contradicting", evidence)

    def _with(self, side: Side, evidence: Evidence) -> Hypothesis:
        """
        Raises:
            BeliefsInvalid: it has as much evidence as it may have.
        """
        if any(evidence.text == known.text for known in self.evidence):
            return self
        if side == "supporting":
            return replace(self, supporting=(*self.supporting, evidence))
        return replace(self, contradicting=(*self.contradicting, evidence))

    def to_json(self) -> JSON:
        """`confidence` is there for readers."""
        return {
            "id": self.id,
            "statement": self.statement,
            "prior": self.prior,
            "confidence": self.confidence,
            "supporting": [evidence.to_json() for evidence in self.supporting],
            "contradicting": [evidence.to_json() for evidence in self.contradicting],
        }


@dataclass(frozen=True)
class Beliefs:
    """`threshold` is the confidence from which on a hypothesis counts as found."""

    hypotheses: tuple[Hypothesis, ...] = ()
    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        _share("threshold", self.threshold)
        if len(self.hypotheses) > HYPOTHESES_LIMIT:
            raise BeliefsInvalid(field="hypotheses", message=f"can't be more than {HYPOTHESES_LIMIT}")
        if len({each.id for each in self.hypotheses}) < len(self.hypotheses):
            raise BeliefsInvalid(field="hypotheses", message="two have the same id")

    def best(self, threshold: float | None = None) -> Hypothesis | None:
        """The most confident one at or above the threshold; of equals the one that was proposed first."""
        least = self.threshold if threshold is None else threshold
        held = [each for each in self.hypotheses if each.confidence >= least]
        return max(held, key=lambda each: each.confidence, default=None)

    def propose(self, new: Hypothesis) -> Beliefs:
        """
        One that is known stays as it is.

        Raises:
            BeliefsInvalid: there are as many as there may be.
        """
        if any(known.id == new.id for known in self.hypotheses):
            return self
        return replace(self, hypotheses=(*self.hypotheses, new))

    def weigh(self, id_: str, side: Side, evidence: Evidence) -> Beliefs:
        """
        Raises:
            BeliefsInvalid: there is no such hypothesis, or it has as much evidence as it may have.
        """
        if all(id_ != known.id for known in self.hypotheses):
            known = ", ".join(known.id for known in self.hypotheses) or "none yet"
            raise BeliefsInvalid(
                field="hypothesis", message=f"there is none with the id {id_[:40]}; there are: {known}"
            )
        return replace(
            self,
            hypotheses=tuple(each._with(side, evidence) if each.id == id_ else each for each in self.hypotheses),
        )

    def to_json(self) -> JSON:
        """`{"threshold": 0.75, "best": "price", "hypotheses": [...]}`; `best` is there for readers, or None."""
        best = self.best()
        return {
            "threshold": self.threshold,
            "best": best and best.id,
            "hypotheses": [each.to_json() for each in self.hypotheses],
        }

    @classmethod
    def of_json(cls, body: Any) -> Beliefs:
        """
        What follows from the rest (`confidence`, `best`) is worked out anew.

        Raises:
            BeliefsInvalid: names the field.
        """
        given = members("beliefs", body)
        return cls(_hypotheses(given), given.get("threshold", THRESHOLD))


def _hypotheses(given: JSON) -> tuple[Hypothesis, ...]:
    found = []
    for nr, item in enumerate(entries("hypotheses", given.get("hypotheses", []), HYPOTHESES_LIMIT), 1):
        with located(f"hypotheses.{nr}"):
            one = members("hypothesis", item)
            sides = (_evidence(one, side) for side in ("supporting", "contradicting"))
            found.append(Hypothesis(one.get("id", ""), one.get("statement", ""), one.get("prior", PRIOR), *sides))
    return tuple(found)


def _evidence(given: JSON, side: Side) -> tuple[Evidence, ...]:
    found = []
    for nr, item in enumerate(entries(side, given.get(side, []), EVIDENCE_LIMIT), 1):
        with located(f"{side}.{nr}"):
            one = members("evidence", item)
            found.append(Evidence(one.get("text", ""), one.get("weight", -1), one.get("step", 0)))
    return tuple(found)


def _left(evidence: Sequence[Evidence]) -> float:
    """Sorted, so that the order in which it came changes not even the last digit."""
    return math.prod(sorted(1 - each.weight for each in evidence))


# --- reading ---


@contextmanager
def located(where: str) -> Iterator[None]:
    """Errors name the way to their field."""
    try:
        yield
    except BeliefsInvalid as error:
        message = str(error).removeprefix(f"{error.field}: ")
        raise BeliefsInvalid(field=f"{where}.{error.field}", message=message) from None


def members(field: str, value: Any, known: Collection[str] | None = None) -> JSON:
    """
    Args:
        known: the only names that it may have; None: any, as what a newer release has stored may have more.
    """
    if not isinstance(value, dict):
        raise BeliefsInvalid(field=field, message="must be an object")
    if known is not None and (unknown := set(value) - set(known)):
        raise BeliefsInvalid(field=field, message=f"there is no field {min(map(str, unknown))[:40]}")
    return value


def entries(field: str, value: Any, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise BeliefsInvalid(field=field, message="must be a list")
    if len(value) > limit:
        raise BeliefsInvalid(field=field, message=f"has {len(value)} entries; the limit is {limit}")
    return value


def _text(field: str, value: Any, limit: int) -> None:
    if not isinstance(value, str) or not value.strip():
        raise BeliefsInvalid(field=field, message="must be a text")
    if len(value) > limit:
        raise BeliefsInvalid(field=field, message=f"has {len(value)} characters; the limit is {limit}")


def _share(field: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BeliefsInvalid(field=field, message="must be a number from 0 to 1")
