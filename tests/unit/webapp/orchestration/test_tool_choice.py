"""The tools that a task or its plan names: allowed ones, and calls that are made first."""

from __future__ import annotations

from typing import Any

import pytest

from webapp.orchestration.manual import read_plan
from webapp.orchestration.plan import PlanInvalid, agent_steps, single
from webapp.orchestration.steps import NewStep
from webapp.orchestration.tool_choice import ToolChoiceInvalid, calls_given, names_given, tools_named, with_tools

CALL = {"tool": "calculator", "arguments": {"expression": "1+1"}}


def plan(*steps: dict[str, Any]) -> list[NewStep]:
    return read_plan({"steps": [{"description": "d", **step} for step in steps]}, limit=50)


def drawn(steps: list[NewStep]) -> list[tuple[str, str, list[str]]]:
    return [(step.agent, step.join, [steps[before].agent for before in step.after]) for step in steps]


def test_without_any_a_plan_stays_as_it_is() -> None:
    steps = plan({"id": "a"}, {"id": "b", "depends_on": ["a"]})
    assert with_tools(steps, {}) == steps


def test_an_agents_calls_wait_for_what_it_waited_for_and_it_waits_for_them() -> None:
    two = [CALL, {"tool": "marker"}]
    steps = with_tools(plan({"id": "a"}, {"id": "b", "depends_on": ["a"], "join": "any", "forced_tools": two}), {})
    assert drawn(steps) == [
        ("a", "all", []),
        ("b~1", "any", ["a"]),
        ("b~2", "any", ["a"]),
        ("b", "all", ["b~1", "b~2"]),
    ]
    assert steps[1].input["tool"] == "calculator" and steps[2].input["arguments"] == {}
    assert steps[3].input["needs"] == ["b~1", "b~2", "a"] and "forced_tools" not in steps[3].input


def test_a_tasks_calls_are_made_before_everything_and_told_to_each_agent() -> None:
    steps = with_tools(plan({"id": "a"}, {"id": "w", "kind": "wait"}, {"id": "z", "depends_on": ["a", "w"]}), {
        "forced_tools": [CALL]
    })  # fmt: skip
    assert drawn(steps) == [
        ("first~1", "all", []),
        ("a", "settled", ["first~1"]),
        ("w", "settled", ["first~1"]),
        ("z", "all", ["a", "w"]),
    ]
    assert steps[1].input["needs"] == ["first~1"] and steps[3].input["needs"] == ["first~1", "a", "w"]


def test_a_task_of_one_agent_has_them_too_and_the_last_step_still_answers() -> None:
    steps = with_tools(agent_steps(single("q")), {"forced_tools": [CALL], "allowed_tools": ["calculator"]})
    assert [step.agent for step in steps] == ["first~1", "agent"] and steps[-1].input["tools"] == ["calculator"]


def test_what_the_task_allows_bounds_what_its_plan_does() -> None:
    steps = plan({"id": "a", "tools": ["x", "y"]}, {"id": "b"}, {"id": "c", "tools": []})
    allowed = {step.agent: step.input.get("tools") for step in with_tools(steps, {"allowed_tools": ["y", "z"]})}
    assert allowed == {"a": ["y"], "b": ["y", "z"], "c": [], "editor": None}
    free = {step.agent: step.input.get("tools") for step in with_tools(steps, {})}
    assert free == {"a": ["x", "y"], "b": None, "c": [], "editor": None}


def test_all_names_are_told_to_whoever_checks_them() -> None:
    steps = plan({"id": "a", "tools": ["x"], "forced_tools": [CALL]})
    named = tools_named(steps, {"allowed_tools": ["y"], "forced_tools": [{"tool": "z", "arguments": {}}]})
    assert named == [("y", None), ("z", {}), ("x", None), ("calculator", {"expression": "1+1"})]


@pytest.mark.parametrize("given", ["x", [1], ["a b"], ["x" * 65], [f"t{n}" for n in range(201)]])
def test_bad_names_are_refused(given: Any) -> None:
    with pytest.raises(ToolChoiceInvalid):
        names_given(given)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "must be a list of calls"),
        ([CALL] * 9, "has 9 calls; the limit is 8"),
        ([{"arguments": {}}], "call 1: tool must be"),
        ([CALL, {"tool": "x", "arguments": []}], "call 2: arguments must be"),
        ([{**CALL, "colour": 1}], "call 1: must be an object with tool and arguments"),
    ],
)
def test_bad_calls_are_refused_by_number(given: Any, why: str) -> None:
    with pytest.raises(ToolChoiceInvalid, match=why):
        calls_given(given)


def test_a_plan_names_step_and_field() -> None:
    for step, why in (
        ({"tools": "x"}, "step a: tools must be a list"),
        ({"forced_tools": [3]}, "step a: forced_tools call 1"),
        ({"kind": "wait", "tools": []}, "step a: only an agent has tools"),
    ):
        with pytest.raises(PlanInvalid, match=why):
            plan({"id": "a", **step})
