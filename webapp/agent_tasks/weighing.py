"""Beliefs as plans give them and as agents speak of them: what comes from outside becomes values or is refused. Pure."""

from __future__ import annotations

from typing import Any

from webapp.agent_tasks.beliefs import (
    EVIDENCE_LIMIT,
    HYPOTHESES_LIMIT,
    ID,
    PRIOR,
    STATEMENT_LIMIT_CHARS,
    TEXT_LIMIT_CHARS,
    THRESHOLD,
    Beliefs,
    BeliefsInvalid,
    Evidence,
    Hypothesis,
    Side,
    entries,
    located,
    members,
)
from webapp.common.values import JSON, storable

SAID_LIMIT = HYPOTHESES_LIMIT * EVIDENCE_LIMIT  # pieces of evidence at once

SHARE: JSON = {"type": "number", "minimum": 0, "maximum": 1}
ID_OF: JSON = {"type": "string", "pattern": f"^{ID.pattern}$"}
HYPOTHESIS: JSON = {
    "type": "object",
    "required": ["id", "statement"],
    "additionalProperties": False,
    "properties": {
        "id": ID_OF,
        "statement": {"type": "string", "maxLength": STATEMENT_LIMIT_CHARS},
        "prior": {**SHARE, "default": PRIOR, "description": "How likely it is before any evidence"},
    },
}
HYPOTHESES: JSON = {"type": "array", "maxItems": HYPOTHESES_LIMIT, "items": HYPOTHESIS}
GIVEN: JSON = {  # with a plan
    "type": "object",
    "additionalProperties": False,
    "properties": {"threshold": {**SHARE, "default": THRESHOLD}, "hypotheses": HYPOTHESES},
}
SAID: JSON = {  # by an agent
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "hypotheses": {**HYPOTHESES, "description": "New ones; those that are known stay as they are"},
        "evidence": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["hypothesis", "supports", "text", "weight"],
                "additionalProperties": False,
                "properties": {
                    "hypothesis": {**ID_OF, "description": "The hypothesis's id"},
                    "supports": {"type": "boolean", "description": "true: it supports; false: it contradicts"},
                    "text": {"type": "string", "maxLength": TEXT_LIMIT_CHARS},
                    "weight": {**SHARE, "description": "0: it says nothing; 1: it settles the matter"},
                },
            },
        },
    },
}


def beliefs_given(body: Any) -> Beliefs:
    """
    Before any evidence, e.g. `{"threshold": 0.8, "hypotheses": [{"id": "price", "statement": "…", "prior": 0.3}]}`.

    Raises:
        BeliefsInvalid: names the field.
    """
    given = members("beliefs", storable(body), GIVEN["properties"])
    return Beliefs(_hypotheses(given), given.get("threshold", THRESHOLD))


def beliefs_after(beliefs: Beliefs, said: Any, *, step: int) -> Beliefs:
    """
    Args:
        said: what an agent has to add, all or nothing: `{"hypotheses": [{"id", "statement", "prior"}], "evidence":
            [{"hypothesis", "supports", "text", "weight"}]}`; either may be missing.
        step: where it says so.
    Raises:
        BeliefsInvalid: names the field.
    """
    given = members("arguments", storable(said), SAID["properties"])
    for new in _hypotheses(given):
        beliefs = beliefs.propose(new)
    for nr, item in enumerate(entries("evidence", given.get("evidence", []), SAID_LIMIT), 1):
        with located(f"evidence.{nr}"):
            beliefs = _weighed(beliefs, item, step)
    return beliefs


def _weighed(beliefs: Beliefs, item: Any, step: int) -> Beliefs:
    given = members("evidence", item, ("hypothesis", "supports", "text", "weight"))
    if not isinstance(given.get("supports"), bool):
        raise BeliefsInvalid(field="supports", message="must be true or false")
    evidence = Evidence(given.get("text", ""), given.get("weight", -1), step)
    side: Side = "supporting" if given["supports"] else "contradicting"
    return beliefs.weigh(str(given.get("hypothesis", "")), side, evidence)


def _hypotheses(given: JSON) -> tuple[Hypothesis, ...]:
    found = []
    for nr, item in enumerate(entries("hypotheses", given.get("hypotheses", []), HYPOTHESES_LIMIT), 1):
        with located(f"hypotheses.{nr}"):
            one = members("hypothesis", item, HYPOTHESIS["properties"])
            found.append(Hypothesis(one.get("id", ""), one.get("statement", ""), one.get("prior", PRIOR)))
    return tuple(found)
