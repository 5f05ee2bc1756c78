"""Beliefs: confidence follows from prior and evidence alone, and what is read is whole or refused by field."""

from __future__ import annotations

import json
import re
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.services import ROOT
from webapp.agent_tasks.beliefs import (
    EVIDENCE_LIMIT,
    HYPOTHESES_LIMIT,
    STATEMENT_LIMIT_CHARS,
    TEXT_LIMIT_CHARS,
    Beliefs,
    BeliefsInvalid,
    Evidence,
    Hypothesis,
)

shares = st.floats(0, 1)
texts = st.text(min_size=1, max_size=20).filter(str.strip)
pieces = st.builds(Evidence, texts, shares, st.integers(1, 10**6))
ids = st.from_regex(r"[A-Za-z0-9_.-]{1,40}", fullmatch=True)


@st.composite
def hypotheses(draw: st.DrawFn) -> Hypothesis:
    evidence = draw(st.lists(pieces, max_size=8, unique_by=lambda each: each.text))
    cut = draw(st.integers(0, len(evidence)))
    return Hypothesis(draw(ids), draw(texts), draw(shares), tuple(evidence[:cut]), tuple(evidence[cut:]))


several = st.builds(
    Beliefs, st.lists(hypotheses(), max_size=4, unique_by=lambda each: each.id).map(tuple), threshold=shares
)


@given(hypotheses(), pieces)
def test_support_never_lowers_and_contradiction_never_raises(held: Hypothesis, piece: Evidence) -> None:
    assert 0 <= held.contradict(piece).confidence <= held.confidence <= held.support(piece).confidence <= 1


@given(shares, st.lists(st.tuples(st.booleans(), pieces), max_size=8, unique_by=lambda one: one[1].text), st.randoms())
def test_the_order_in_which_evidence_comes_changes_nothing(prior: float, told: list[Any], random: Any) -> None:
    def after(each: list[Any]) -> float:
        start = Hypothesis("h", "s", prior)
        return reduce(lambda h, one: h.support(one[1]) if one[0] else h.contradict(one[1]), each, start).confidence

    assert after(told) == after(random.sample(told, len(told)))


@given(several)
def test_beliefs_go_through_json_and_back(beliefs: Beliefs) -> None:
    assert Beliefs.of_json(json.loads(json.dumps(beliefs.to_json()))) == beliefs


@given(several, shares)
def test_the_best_is_the_most_confident_at_or_above_the_threshold(beliefs: Beliefs, threshold: float) -> None:
    best, sure = beliefs.best(threshold), [each.confidence for each in beliefs.hypotheses]
    if best is None:
        assert all(confidence < threshold for confidence in sure)
    else:
        assert best.confidence == max(sure) >= threshold
        assert best.id == beliefs.hypotheses[sure.index(max(sure))].id, "of equals, the first"


def documented() -> list[tuple[float, list[float], list[float], float]]:
    """The rows of the document's table: prior, supports, contradicts, confidence."""
    lines = (ROOT / "docs" / "agents.md").read_text().split("| prior |")[1].split("\n\n")[0].splitlines()[2:]
    rows = [[re.findall(r"[\d.]+", cell) for cell in line.strip("|").split("|")] for line in lines]
    return [(float(p), [*map(float, s)], [*map(float, c)], float(all_)) for (p,), s, c, (all_,) in rows]


@pytest.mark.parametrize(
    ("prior", "supporting", "contradicting", "confidence"),
    [*documented(), (0.5, [], [], 0.5), (0.5, [1], [], 1), (0.5, [1], [1], 0.5), (0, [0.9], [], 0), (0, [1], [], 0.5)],
)
def test_confidence_is_as_the_document_has_it(
    prior: float, supporting: list[float], contradicting: list[float], confidence: float
) -> None:
    held = Hypothesis("h", "s", prior)
    held = reduce(lambda h, w: h.support(Evidence(f"+{len(h.evidence)}", w, 1)), supporting, held)
    held = reduce(lambda h, w: h.contradict(Evidence(f"-{len(h.evidence)}", w, 1)), contradicting, held)
    assert held.confidence == pytest.approx(confidence, abs=0.005)


def test_the_same_text_counts_once() -> None:
    once = Hypothesis("h", "s").support(Evidence("Sales rose", 0.5, 1))
    assert once.support(Evidence("Sales rose", 0.9, 2)) == once == once.contradict(Evidence("Sales rose", 0.9, 2))


def test_a_known_hypothesis_keeps_its_evidence_when_it_is_proposed_again() -> None:
    held = Beliefs((Hypothesis("h", "s"),)).weigh("h", "supporting", Evidence("x", 0.5, 1))
    assert held.propose(Hypothesis("h", "another")) == held


def test_there_is_room_for_so_much_and_no_more() -> None:
    full = Hypothesis("h", "s", supporting=tuple(Evidence(f"{n}", 0.1, 1) for n in range(EVIDENCE_LIMIT)))
    with pytest.raises(BeliefsInvalid, match=f"evidence: h can't have more than {EVIDENCE_LIMIT} pieces"):
        full.contradict(Evidence("one more", 0.1, 1))
    many = Beliefs(tuple(Hypothesis(f"h{n}", "s") for n in range(HYPOTHESES_LIMIT)))
    with pytest.raises(BeliefsInvalid, match=f"hypotheses: can't be more than {HYPOTHESES_LIMIT}"):
        many.propose(Hypothesis("more", "s"))
    with pytest.raises(BeliefsInvalid, match="hypothesis: there is none with the id x; there are: h0, h1"):
        many.weigh("x", "supporting", Evidence("x", 0.5, 1))


def piece(**changes: Any) -> dict[str, Any]:
    return {
        "hypotheses": [{"id": "h", "statement": "s", "supporting": [{"text": "t", "weight": 1, "step": 1} | changes]}]
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("x", "beliefs: must be an object"),
        ({"threshold": 2}, "threshold: must be a number from 0 to 1"),
        ({"threshold": float("nan")}, "threshold: must be a number"),
        ({"hypotheses": {}}, "hypotheses: must be a list"),
        ({"hypotheses": [1]}, "hypotheses.1.hypothesis: must be an object"),
        ({"hypotheses": [{}]}, "hypotheses.1.id: must be 1 to 40"),
        ({"hypotheses": [{"id": "h"}]}, "hypotheses.1.statement: must be a text"),
        (
            {"hypotheses": [{"id": "h", "statement": "s" * (STATEMENT_LIMIT_CHARS + 1)}]},
            "has 501 characters; the limit",
        ),
        ({"hypotheses": [{"id": "h", "statement": "s", "prior": True}]}, "hypotheses.1.prior: must be a number"),
        ({"hypotheses": [{"id": "h", "statement": "s"}] * 2}, "hypotheses: two have the same id"),
        ({"hypotheses": [{}] * 11}, "hypotheses: has 11 entries; the limit is 10"),
        (piece(weight="much"), "hypotheses.1.supporting.1.weight: must be a number"),
        (piece(weight=None), "hypotheses.1.supporting.1.weight"),
        (piece(text=" "), "hypotheses.1.supporting.1.text: must be a text"),
        (piece(text="t" * (TEXT_LIMIT_CHARS + 1)), "supporting.1.text: has 501 characters"),
        (piece(step=0), "hypotheses.1.supporting.1.step: must be the number of a step"),
    ],
)
def test_bad_data_is_refused_by_field(body: Any, told: str) -> None:
    with pytest.raises(BeliefsInvalid, match=told):
        Beliefs.of_json(body)
