"""What goes on in an agent: what it says of its hypotheses is weighed, or left out and told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.claimed import claimed
from webapp.agent_tasks.beliefs import Beliefs, Hypothesis
from webapp.agent_tasks.rules import AgentState, TransitionForbidden
from webapp.agent_tasks.weighing import SAID
from workers.context import Past, TaskContext
from workers.gateway.types import ToolCall
from workers.prompts import synthesis_messages, turn_messages
from workers.thinking import Weighed, beliefs_held, left_in, state_after, weigh
from workers.toolbox import arguments as schema

HELD = Beliefs((Hypothesis("price", "It is the price"), Hypothesis("season", "It is the season", 0.2)))
TASK = TaskContext("Why?", "simple", 0.1, {}, [], (), 3)


def call(arguments: Any, name: str = "weigh_evidence") -> ToolCall:
    return ToolCall("c1", name, arguments, json.dumps(arguments))


def says(*evidence: Any, **more: Any) -> Weighed:
    return weigh(claimed(4), HELD, [call({"evidence": list(evidence), **more})])


def evidence(**changes: Any) -> dict[str, Any]:
    return {"hypothesis": "price", "supports": True, "text": "It fell by half", "weight": 0.8} | changes


def turn(n: int, beliefs: Beliefs | None = HELD, **output: Any) -> Past:
    inner = {"state": "EXECUTING", "beliefs": beliefs and beliefs.to_json()}
    return Past(n, "llm.turn", "a", "d", "done", {"turn": 1}, {"text": "", **output}, None, inner)


def test_evidence_moves_its_hypothesis_and_names_the_step() -> None:
    weighed = says(evidence(), evidence(hypothesis="season", supports=False, text="It is spring", weight=0.5))
    price, season = weighed.beliefs.hypotheses  # type: ignore[union-attr]
    assert price.confidence == pytest.approx(5 / 6) and season.confidence == pytest.approx(1 / 9)
    assert price.supporting[0].step == 4
    (result,) = weighed.results
    assert result["shown"]["ok"] and result["shown"]["best"] == "price"
    (told,) = weighed.events
    assert told["type"] == "AGENT_THINKING" and told["message"] == "Holds price at 83%: It is the price"


def test_a_new_hypothesis_may_have_its_evidence_at_once() -> None:
    weighed = says(evidence(hypothesis="new"), hypotheses=[{"id": "new", "statement": "Another"}])
    assert [h.id for h in weighed.beliefs.hypotheses] == ["price", "season", "new"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (None, "arguments: must be an object"),
        ({"colour": "red"}, "arguments: there is no field colour"),
        ({"evidence": "x"}, "evidence: must be a list"),
        ({"evidence": [evidence(), evidence(weight=7)]}, "evidence.2.weight: must be a number from 0 to 1"),
        ({"evidence": [evidence(hypothesis="none")]}, "evidence.1.hypothesis: there is none with the id none"),
        ({"evidence": [evidence(hypothesis=["price"])]}, "evidence.1.hypothesis: there is none with the id"),
        ({"evidence": [evidence(supports="yes")]}, "evidence.1.supports: must be true or false"),
        ({"evidence": [evidence(step=1)]}, "evidence.1.evidence: there is no field step"),
        ({"hypotheses": [{"id": "x"}]}, "hypotheses.1.statement: must be a text"),
        ({"hypotheses": [{"id": "x", "statement": "s", "confidence": 1}]}, "there is no field confidence"),
    ],
)
def test_what_can_not_be_used_changes_nothing_and_is_told_to_agent_and_reader(arguments: Any, told: str) -> None:
    weighed = weigh(claimed(4), HELD, [call(arguments)])
    assert weighed.beliefs == HELD
    (result,) = weighed.results
    assert result["shown"]["error"]["code"] == "beliefs.invalid" and told in result["shown"]["error"]["message"]
    (warning,) = weighed.events
    assert warning["type"] == "WARNING" and told in warning["message"]


def test_a_nul_that_postgres_would_not_take_makes_no_two_texts_of_one() -> None:
    weighed = says(evidence(text="a\0"), evidence(text="a\ufffd"))
    assert weighed.beliefs and Beliefs.of_json(weighed.beliefs.to_json()) == weighed.beliefs


def test_other_calls_are_for_tools_and_without_hypotheses_all_are() -> None:
    calls = [call({}), call({}, "calculator")]
    assert [c.name for c in weigh(claimed(4), HELD, calls).others] == ["calculator"]
    assert weigh(claimed(4), None, calls) == Weighed(None, [], calls, [])


def test_the_schema_that_models_are_shown_takes_what_is_taken() -> None:
    schema.check("weigh_evidence", schema.validator("weigh_evidence", SAID), {"evidence": [evidence()]})


def test_a_turn_goes_on_with_what_the_one_before_it_held() -> None:
    later = HELD.propose(Hypothesis("new", "s"))
    history = [turn(3), turn(5, later), Past(6, "tools.call", "a", "t", "done", {}, {}, None)]
    assert beliefs_held({}, history) == later and beliefs_held(HELD.to_json(), []) == HELD
    assert beliefs_held(None, history) is None
    assert state_after(history) == "EXECUTING" and state_after([]) is None


def test_a_forbidden_change_of_state_is_our_mistake() -> None:
    with pytest.raises(TransitionForbidden):
        left_in(AgentState.EXECUTING, before=AgentState.COMPLETED)


def test_an_agent_is_told_its_hypotheses_and_the_answer_to_each_weighing() -> None:
    calls = [{"id": "c1", "name": "weigh_evidence", "raw": "{}"}]
    past = turn(3, tool_calls=calls, weighed=[{"call_id": "c1", "shown": {"ok": True}}])
    messages = turn_messages(TASK, role="r", description="d", needed=[], history=[past], beliefs=HELD.to_json())
    assert "Yours so far" in (messages[1]["content"] or "") and '"id": "season"' in (messages[1]["content"] or "")
    assert [m["role"] for m in messages[2:]] == ["assistant", "tool"] and messages[3]["tool_call_id"] == "c1"


def test_who_builds_on_an_agent_is_told_what_it_believed() -> None:
    told = [json.loads(m["content"] or "") for m in synthesis_messages(TASK, [turn(3), turn(4, None)])[2:]]
    assert [one["id"] for one in told[0]["beliefs"]["hypotheses"]] == ["price", "season"]
    assert "beliefs" not in told[1]
