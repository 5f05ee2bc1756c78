"""Plans: what a model may propose, and the steps that follow."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.orchestration.plan import PlanInvalid, agent_steps, first_steps, parse_plan, single


def plan(*subtasks: dict[str, object]) -> str:
    return json.dumps({"subtasks": list(subtasks)})


def test_a_plan_in_a_code_fence_is_read() -> None:
    text = "Here it is:\n```json\n" + plan({"id": "a", "description": "look"}) + "\n```"
    assert [subtask.id for subtask in parse_plan(text, limit=3).subtasks] == ["a"]


def test_subtasks_come_after_those_they_depend_on() -> None:
    text = plan({"id": "b", "description": "x", "depends_on": ["a"]}, {"id": "a", "description": "y"})
    assert [subtask.id for subtask in parse_plan(text, limit=3).subtasks] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no plan", "JSON object"),
        ('{"subtasks": []}', "JSON object"),
        ('{"subtasks": 3}', "JSON object"),
        ("{broken", "JSON object"),
        (plan(*({"id": f"a{i}", "description": "x"} for i in range(4))), "limit is 3"),
        (plan({"id": "a", "description": " "}), "subtask a: description"),
        (plan({"id": "a b", "description": "x"}), "subtask 1: id"),
        (plan({"id": "a", "description": "x"}, {"id": "a", "description": "y"}), "same id"),
        (plan({"id": "a", "description": "x", "depends_on": ["z"]}), "a depends on z"),
        (plan({"id": "a", "description": "x", "depends_on": "z"}), "list of ids"),
        (plan({"id": "a", "description": "x", "depends_on": ["a"]}), "circle: a"),
        (plan("a"), "subtask 1 is not an object"),  # type: ignore[arg-type]
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(PlanInvalid, match=said):
        parse_plan(text, limit=3)


@given(
    st.text()
    | st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(
        json.dumps
    )
)
def test_whatever_a_model_writes_is_a_plan_or_a_clear_refusal(text: str) -> None:
    try:
        assert parse_plan(text, limit=5).subtasks
    except PlanInvalid as error:
        assert str(error)


def test_a_single_agent_needs_no_synthesis_and_several_are_joined() -> None:
    assert [step.kind for step in agent_steps(single("q"))] == ["llm.turn"]
    both = agent_steps(parse_plan(plan({"id": "a", "description": "x"}, {"id": "b", "description": "y"}), limit=3))
    assert [step.kind for step in both] == ["llm.turn", "llm.turn", "llm.synthesise"]
    assert both[-1].after == (0, 1) and both[-1].join == "settled"


def test_policy_comes_first_and_a_simple_task_is_not_planned_by_a_model() -> None:
    assert [step.kind for step in first_steps("simple")] == ["policy.admit", "control.plan"]
    assert [step.kind for step in first_steps("complex")] == ["policy.admit", "llm.plan", "control.plan"]
