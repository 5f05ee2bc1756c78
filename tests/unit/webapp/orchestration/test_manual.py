"""Plans that callers give: every rule is told with the step's name, every DAG that keeps them becomes steps in order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.orchestration.manual import read_plan
from webapp.orchestration.on_failure import BRANCHES
from webapp.orchestration.plan import PlanInvalid
from webapp.orchestration.steps import NewStep


def read(*steps: Any, limit: int = 1000) -> list[NewStep]:
    return read_plan({"steps": list(steps)}, limit=limit)


def wait(id_: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "kind": "wait", "depends_on": list(needs), **more}


def thinker(**more: Any) -> dict[str, Any]:
    return {"id": "a", "description": "Find out", **more}


def act(id_: str = "a", **more: Any) -> dict[str, Any]:
    return {"id": id_, "kind": "tool", "tool": "marker", "arguments": {"text": "do"}, **more}


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([], "at least one"),
        (["x"], "step 1 is not an object"),
        ([{"kind": "wait"}], "step 1: id must be"),
        ([wait("a b")], "step 1: id must be"),
        ([wait("a"), wait("a")], "step a: there are two"),
        ([wait("a", "b")], "step a depends on b, which is not in the plan"),
        ([wait("a", "a")], "in a circle: a"),
        ([wait("r"), wait("a", "r", "c"), wait("b", "a"), wait("c", "b")], "in a circle: a, b, c"),
        ([{"id": "a", "depends_on": "b"}], "step a: depends_on must be a list"),
        ([{"id": "a"}], "step a: description must say"),
        ([{"id": "a", "description": "x" * 4001}], "has 4001 characters; the limit is 4000"),
        ([{"id": "a", "kind": "dance"}], "step a: kind must be one of agent, tool, wait"),
        ([{"id": "a", "kind": "tool"}], "step a: tool must be the name"),
        ([{"id": "a", "kind": "tool", "tool": "x", "arguments": []}], "step a: arguments must be an object"),
        ([wait("a", colour="red")], "step a: there is no field colour"),
        ([wait("a", join="most")], "step a: join must be one of"),
        ([wait("a", join="any")], "step a: join any needs steps"),
        ([wait("a"), wait("b", "a", join="quorum")], "step b: quorum goes with join quorum"),
        ([wait("a"), wait("b", "a", join="quorum", quorum=2)], "step b: quorum must be a whole number from 1 to 1"),
        ([wait("a"), wait("b", "a", quorum=1)], "step b: quorum goes with join quorum"),
        ([wait("a", delay_s=-1)], "step a: delay_s must be from 0"),
        ([wait("a", delay_s=float("nan"))], "step a: delay_s must be a number"),
        ([wait("a", timeout_s=0)], "step a: timeout_s must be from 0.001"),
        ([wait("a", tries=0)], "step a: tries must be a whole number from 1 to 20"),
        ([wait("a", tries=True)], "step a: tries must be"),
        ([wait("a", compensate="undo")], "step a: compensate must be true, or an object"),
        ([wait("a", compensate=True)], "step a: a wait has no tool"),
        ([wait("a", on_failure="go_on")], "step a: only a tool has on_failure"),
        ([thinker(on_failure="retry")], "step a: only a tool has on_failure"),
        ([act(on_failure="forget")], "step a: on_failure must be one of fail, retry, go_on"),
        ([act(on_failure=7)], "step a: on_failure must be one of fail, retry, go_on, or an object"),
        ([act(on_failure={"cooking": "fail"})], "step a: on_failure: there is no branch cooking; code_execution"),
        ([act(on_failure={"generic": "forget"})], "step a: on_failure must be one of"),
        ([wait("a", compensate={})], "step a: tool must be the name"),
        ([wait("a", beliefs={})], "step a: only an agent has beliefs"),
        ([thinker(beliefs=[])], "step a: beliefs: must be an object"),
        ([thinker(beliefs={"best": "x"})], "step a: beliefs: there is no field best"),
        ([thinker(beliefs={"threshold": "high"})], "step a: threshold: must be a number from 0 to 1"),
        ([thinker(beliefs={"hypotheses": [{"id": "h", "statement": ""}]})], "step a: hypotheses.1.statement: must be"),
    ],
)
def test_a_broken_plan_is_told_by_step_and_rule(steps: list[Any], told: str) -> None:
    with pytest.raises(PlanInvalid, match=told):
        read(*steps)


def test_the_limit_is_told() -> None:
    with pytest.raises(PlanInvalid, match="the plan has 3 steps; the limit is 2"):
        read(wait("a"), wait("b"), wait("c"), limit=2)


def test_one_agent_at_the_end_answers() -> None:
    steps = read(
        {"id": "t", "kind": "tool", "tool": "calculator"}, {"id": "a", "description": "x", "depends_on": ["t"]}
    )
    assert [(step.kind, step.after) for step in steps] == [("tools.call", ()), ("llm.turn", (0,))]
    assert steps[1].input["needs"] == ["t"]


def test_several_agents_at_the_end_are_put_together_by_one_that_writes() -> None:
    steps = read({"id": "a", "description": "x"}, {"id": "b", "description": "y"})
    assert (steps[-1].kind, steps[-1].after, steps[-1].join) == ("llm.synthesise", (0, 1), "partial")


def test_a_plan_without_agents_collects_what_its_ends_brought() -> None:
    steps = read(wait("a"), wait("b", "a"), wait("c", "a"))
    assert (steps[-1].kind, steps[-1].after) == ("control.collect", (1, 2))


@given(st.data())
def test_every_dag_becomes_steps_that_follow_their_parents(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    order = data.draw(st.permutations(range(count)))
    rank = {node: position for position, node in enumerate(order)}
    needs = {n: data.draw(st.sets(st.sampled_from(order[: rank[n]] or [n]), max_size=4)) - {n} for n in range(count)}
    steps = read(*(wait(f"s{n}", *(f"s{m}" for m in sorted(needs[n]))) for n in range(count)))
    names = [step.agent for step in steps]
    assert sorted(names[:-1]) == sorted(f"s{n}" for n in range(count)) and names[-1] == "editor"
    for position, step in enumerate(steps):
        assert all(parent < position for parent in step.after)
        if step.kind == "control.wait":
            assert {names[parent] for parent in step.after} == {f"s{m}" for m in needs[int(step.agent[1:])]}
    ends = {f"s{n}" for n in range(count)} - {f"s{m}" for parents in needs.values() for m in parents}
    assert {names[parent] for parent in steps[-1].after} == ends


def test_an_agent_begins_with_the_hypotheses_it_is_given_and_without_them_works_as_ever() -> None:
    (step,) = read(thinker(beliefs={"hypotheses": [{"id": "h", "statement": "It is so", "prior": 0.3}]}))
    (one,) = step.input["beliefs"]["hypotheses"]
    assert (one["id"], one["confidence"], step.input["beliefs"]["threshold"]) == ("h", pytest.approx(0.3), 0.75)
    (open_,), (plain,) = read(thinker(beliefs={})), read(thinker())
    assert open_.input["beliefs"]["hypotheses"] == [] and "beliefs" not in plain.input


@pytest.mark.parametrize("whole", [{"compensate": "yes"}, {"compensate": {"tool": "x"}}, {"on_failure": "forget"}])
def test_what_is_said_of_all_steps_is_told_by_the_plan(whole: dict[str, Any]) -> None:
    with pytest.raises(PlanInvalid, match="the plan: "):
        read_plan({"steps": [act()], **whole}, limit=10)


def test_what_the_plan_says_counts_for_each_step_that_says_nothing_else() -> None:
    steps = [act("a"), act("b", compensate=False, on_failure={}), act("c", compensate={"tool": "undo"}),
             thinker(id="d"), wait("e")]  # fmt: skip
    plan = {"steps": steps, "compensate": True, "on_failure": {"web_search": "retry"}}
    a, b, c, d, e = read_plan(plan, limit=10)[:5]
    assert (a.input["compensate"], a.input["on_failure"]) == (True, {"web_search": "retry"})
    assert not {"compensate", "on_failure"} & set(b.input) and b.compensation is None
    assert "compensate" not in c.input and c.compensation and c.compensation["input"]["tool"] == "undo"
    assert d.input["compensate"] is True and e.input == {}


def test_one_word_says_how_every_kind_of_tool_fails() -> None:
    step = read(act(on_failure="go_on"))[0]
    assert step.input["on_failure"] == dict.fromkeys(BRANCHES, "go_on")
