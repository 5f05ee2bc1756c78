"""Forks as plans: what is served, what runs, and how they hang together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.agent_tasks.beliefs import Beliefs, Evidence, Hypothesis
from webapp.orchestration.fork import ForkInvalid, fork_steps


def step(n: int, kind: str = "llm.turn", *parents: int, **more: Any) -> Any:
    fields = {
        "n": n, "kind": kind, "agent": "", "description": "", "input": {}, "parents": list(parents), "join": "all",
        "quorum": None, "is_final": False, "state": "done", "output": {"text": f"of {n}"}, "error": None, "delay_s": 0.0,
        "timeout_s": None, "tries": None, "compensation": None, "compensates": None, "grown_by": None, "replaces": None,
        "inner": None,
    }  # fmt: skip
    return SimpleNamespace(**{**fields, **more})


def run() -> list[Any]:
    """Two agents, of which the first took a second turn, and an editor."""
    return [
        step(1, "policy.admit"),
        step(2, "llm.plan", 1),
        step(3, "control.plan", 2),
        step(4, agent="a1", grown_by=3),
        step(5, agent="a2", grown_by=3),
        step(6, "llm.synthesise", 8, 5, grown_by=3, replaces=3, is_final=True, join="settled"),
        step(
            7, "tools.call", agent="a1", grown_by=4, input={"tool": "t", "arguments": {}, "raw": "{}", "call_id": "c"}
        ),
        step(8, "llm.turn", 7, agent="a1", grown_by=4, replaces=4),
    ]


def shape(steps: list[Any]) -> dict[int, tuple[bool, tuple[int, ...]]]:
    """By the step that each stands for: is it served, and after which."""
    return {s.record_of: (s.record is not None, tuple(steps[at].record_of for at in s.after)) for s in steps}


def test_what_follows_runs_anew_and_the_rest_is_served() -> None:
    steps, answer = fork_steps(run(), 5)
    assert shape(steps) == {
        2: (True, ()), 3: (True, (2,)), 4: (True, ()), 5: (False, ()), 6: (False, (8, 5)), 7: (True, ()), 8: (True, (7,)),
    }  # fmt: skip
    assert steps[answer].record_of == 6


def test_what_a_live_step_had_added_is_left_out_and_who_waited_for_its_heir_waits_for_it() -> None:
    steps, answer = fork_steps(run(), 4)
    assert shape(steps) == {
        2: (True, ()), 3: (True, (2,)), 4: (False, ()), 5: (True, ()), 6: (False, (4, 5)),
    }  # fmt: skip
    assert steps[answer].record_of == 6


def test_a_fork_where_it_was_planned_plans_anew() -> None:
    steps, answer = fork_steps(run(), 3)
    assert shape(steps) == {2: (True, ()), 3: (False, (2,))} and steps[answer].record_of == 3


def test_a_fork_of_a_fork_knows_what_had_been_added_by_whom() -> None:
    first, answer = fork_steps(run(), 8)
    again = [
        step(
            at + 3,
            s.kind,
            *(after + 3 for after in s.after),
            grown_by=2 if s.grown_by is None else s.grown_by + 3,
            replaces=(2 if at == answer else None) if s.replaces is None else s.replaces + 3,
            is_final=at == answer,
        )
        for at, s in enumerate(first)
    ]
    fork = step(2, "control.fork", 1)
    turn = next(at + 3 for at, s in enumerate(first) if s.record_of == 4)
    steps, _ = fork_steps([step(1, "policy.admit"), fork, *again], turn)
    assert [s.kind for s in steps] == ["llm.plan", "control.plan", "llm.turn", "llm.turn", "llm.synthesise"]


def test_what_was_done_then_is_not_undone_by_the_fork() -> None:
    undo = {"kind": "tools.call"}
    past = [
        step(1, "policy.admit"),
        step(2, compensation=undo),
        step(3, "llm.turn", 2, compensation=undo, is_final=True),
    ]
    steps, _ = fork_steps(past, 3)
    assert [s.compensation for s in steps] == [None, undo]


def test_what_a_tool_said_then_of_how_to_undo_its_call_is_said_anew() -> None:
    asked = {"tool": "marker", "arguments": {}, "compensate": True}
    past = [
        step(1, "policy.admit"),
        step(2, "tools.call", compensation={"kind": "tools.call"}, input=asked, is_final=True),
    ]
    (again,), _ = fork_steps(past, 2)
    assert again.compensation is None and again.input == asked


@pytest.mark.parametrize(
    ("at", "change", "why"),
    [
        (99, {}, "no such step"),
        (1, {}, "admission"),
        (3, {"description": "other"}, "only an agent's turn"),
        (4, {"arguments": {}}, "only a tool call"),
    ],
)
def test_a_fork_that_makes_no_sense_is_refused_by_step(at: int, change: dict[str, Any], why: str) -> None:
    with pytest.raises(ForkInvalid, match=f"step {at}: .*{why}"):
        fork_steps(run(), at, **change)


def test_a_step_that_never_ended_cant_be_where_it_forks() -> None:
    past = [*run()[:5], step(6, "llm.synthesise", 4, 5, state="cancelled", is_final=True)]
    with pytest.raises(ForkInvalid, match="step 6"):
        fork_steps(past, 6)


def test_changes_reach_the_step() -> None:
    steps, _ = fork_steps(run(), 7, arguments={"x": "ä"})
    (call,) = [s for s in steps if s.record_of == 7]
    assert call.input == {"tool": "t", "arguments": {"x": "ä"}, "raw": '{"x": "ä"}', "call_id": "c"}


@st.composite
def runs(draw: st.DrawFn) -> list[Any]:
    """Any DAG that has ended, the last step final."""
    count = draw(st.integers(2, 25))
    made = [step(1, "policy.admit")]
    for n in range(2, count + 1):
        parents = draw(st.lists(st.integers(1, n - 1), unique=True, max_size=4))
        state = draw(st.sampled_from(["done", "done", "done", "failed", "cancelled"]))
        made.append(step(n, "tools.call", *parents, state=state, is_final=n == count))
    made[-1].state = "done"
    return made


@given(past=runs(), data=st.data())
def test_no_live_step_is_served_to_a_served_one_and_the_answer_is_live(past: list[Any], data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([s.n for s in past if s.n > 1 and s.state != "cancelled"]))
    steps, answer = fork_steps(past, at)
    for new in steps:
        if new.record is not None:
            assert all(steps[before].record is not None for before in new.after)
            assert new.record["state"] in ("done", "failed")
    assert steps[answer].record is None
    assert {s.record_of for s in steps} == {s.n for s in past if s.n > 1}


def test_evidence_that_is_served_names_the_step_by_its_new_number() -> None:
    past = run()
    beliefs = Beliefs((Hypothesis("h", "s"),)).weigh("h", "supporting", Evidence("x", 0.5, 4)).to_json()
    past[-1].inner = {"state": "COMPLETED", "beliefs": beliefs}
    steps, _ = fork_steps(past, 6, first=3)
    (served,) = [new for new in steps if new.record_of == 8]
    at = next(position for position, new in enumerate(steps) if new.record_of == 4)
    assert served.record and served.record["inner"]["state"] == "COMPLETED"
    ((piece,),) = [each["supporting"] for each in served.record["inner"]["beliefs"]["hypotheses"]]
    assert piece["step"] == 3 + at != 4
