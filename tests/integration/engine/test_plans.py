"""Plans of any shape: joins, waits, deadlines and what undoes a failed task, driven step by step."""

from __future__ import annotations

import pytest

from tests.support.cast import Cast, make_cast
from tests.support.driven import ERROR, Driven, events, fresh, sweep, turn
from webapp.orchestration.steps import Completion, NewStep, StepRef


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def three(cast: Cast, **join: object) -> Driven:
    """Three side by side, then one that joins them."""
    joined = {"id": "d", "depends_on": ["a", "b", "c"], **join}
    return Driven(cast.owner, {"id": "a"}, {"id": "b"}, {"id": "c"}, joined).planned()


def test_all_waits_for_every_step_and_one_failure_ends_the_task(cast: Cast) -> None:
    run = three(cast)
    run.done("a", "b")
    assert run.states()["d"] == "waiting"
    run.failed("c")
    ended = fresh(run.task)
    assert ended.state == "failed" and ended.error == {**ERROR, "step": run.step("c").n}
    assert run.states()["d"] == "cancelled" and "STEP_SKIPPED" in run.types()


def test_any_starts_with_the_first_success_whatever_the_others_do(cast: Cast) -> None:
    run = three(cast, join="any")
    run.failed("a")
    assert run.states()["d"] == "waiting"
    run.done("b")
    assert run.states()["d"] == "ready"
    run.done("d")
    assert run.states()["c"] == "ready" and run.state() == "running", "the answer is not written yet"
    run.done("editor")
    assert run.state() == "completed" and run.states()["c"] == "cancelled"


def test_a_step_that_comes_late_to_an_early_join_changes_nothing(cast: Cast) -> None:
    run = three(cast, join="any")
    late = run.claim("c")
    run.done("a")
    run.done("d")
    turn(completions=[Completion(late)])
    assert run.states()["d"] == "done" and run.step("d").waits == 0


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_quorum_is_met_or_can_no_longer_be(cast: Cast, failing: int) -> None:
    run = three(cast, join="quorum", quorum=2)
    for name in "abc"[:failing]:
        run.failed(name)
    if failing == 2:
        assert run.state() == "failed"
        return
    for name in "abc"[failing:][:2]:
        assert run.states()["d"] == "waiting"
        run.done(name)
    assert run.states()["d"] == "ready"


def test_partial_goes_on_with_what_is_there_and_says_so(cast: Cast) -> None:
    run = three(cast, join="partial")
    run.failed("a")
    run.done("b")
    assert run.states()["d"] == "waiting"
    run.failed("c")
    assert run.states()["d"] == "ready" and "WARNING" in run.types()


def test_partial_with_nothing_at_all_fails(cast: Cast) -> None:
    run = three(cast, join="partial")
    for name in "abc":
        run.failed(name)
    assert run.state() == "failed"


def test_what_needs_a_skipped_step_is_skipped_and_the_rest_goes_on(cast: Cast) -> None:
    run = Driven(
        cast.owner,
        {"id": "a"},
        {"id": "b", "depends_on": ["a"]},
        {"id": "c", "depends_on": ["b"]},
        {"id": "x"},
        {"id": "end", "depends_on": ["c", "x"], "join": "partial"},
    ).planned()
    run.failed("a")
    assert run.states() == {
        "a": "failed", "b": "cancelled", "c": "cancelled", "x": "ready", "end": "waiting", "editor": "waiting",
    }  # fmt: skip
    run.done("x")
    run.done("end")
    run.done("editor")
    assert run.state() == "completed"
    numbers = [seq for seq, _ in events(run.task)]
    assert numbers == list(range(1, len(numbers) + 1)) and run.types().count("STREAM_END") == 1


def test_a_step_that_is_skipped_by_two_ways_is_skipped_once(cast: Cast) -> None:
    run = Driven(
        cast.owner,
        {"id": "a"},
        {"id": "b", "depends_on": ["a"]},
        {"id": "c", "depends_on": ["a", "b"]},
        {"id": "d"},
        {"id": "end", "depends_on": ["c", "d"], "join": "partial"},
    ).planned()
    run.failed("a")
    assert run.types().count("STEP_SKIPPED") == 2
    assert (run.state(), run.step("end").waits, run.step("d").state) == ("running", 1, "ready")


def test_what_a_skipped_step_lets_start_is_hinted(cast: Cast) -> None:
    run = Driven(
        cast.owner,
        {"id": "a"},
        {"id": "b", "depends_on": ["a"]},
        {"id": "d"},
        {"id": "end", "depends_on": ["b", "d"], "join": "partial"},
    ).planned()
    run.done("d")
    assert [step.ref.n for step in run.failed("a").ready] == [run.step("end").n]


def test_a_wait_lies_in_the_row_and_outlives_every_message(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}, {"id": "later", "depends_on": ["a"], "delay_s": 3600}).planned()
    (told,) = run.done("a").ready
    assert told.delay_s == 3600 and run.states()["later"] == "waiting"
    assert not turn(claims=[StepRef(run.task.id, run.step("later").n)]).claimed, "its time has not come"
    run.hurry()
    swept = sweep(hint_s=30, lease_s=30, attempts=5)
    assert StepRef(run.task.id, run.step("later").n) in {step.ref for step in swept.ready}
    run.done("later")
    assert run.states()["later"] == "done"


def test_a_deadline_ends_the_task_with_all_it_runs(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}, {"id": "b"}, deadline_s=0.05).planned()
    held = run.claim("a")
    while fresh(run.task).is_open:
        swept = sweep(hint_s=30, lease_s=30, attempts=5)
    assert run.task.id in swept.ended
    ended = fresh(run.task)
    assert ended.state == "timeout" and ended.error and ended.error["code"] == "task.deadline"
    assert turn(completions=[Completion(held)]).stale and run.types()[-1] == "STREAM_END"


def undone(run: Driven) -> list[int]:
    return [step.compensates for step in run.steps() if step.compensates is not None]


def test_ten_steps_are_undone_the_last_first_and_then_the_task_has_failed(cast: Cast) -> None:
    undo = {"tool": "marker", "arguments": {"text": "undo"}}
    acts = [
        {"id": f"s{n}", "kind": "tool", "tool": "marker", "arguments": {"text": "do"}, "compensate": undo,
         "depends_on": [f"s{n - 1}"] if n else []}
        for n in range(10)
    ]  # fmt: skip
    run = Driven(cast.owner, *acts, {"id": "last", "depends_on": ["s9"]}).planned()
    for n in range(10):
        run.done(f"s{n}")
    run.failed("last")
    during = fresh(run.task)
    assert during.is_open and during.failure == {**ERROR, "step": run.step("last").n} and run.state() == "running"
    assert undone(run) == [run.step(f"s{n}").n for n in reversed(range(10))]
    order = [step for step in run.steps() if step.compensates is not None]
    for position, step in enumerate(order):
        assert [s.state for s in order[position + 1 :]] == ["waiting"] * (9 - position)
        (held,) = turn(claims=[StepRef(run.task.id, step.n)]).claimed
        assert held.input["arguments"] == {"text": "undo"}
        status = "failed" if position == 4 else "done"  # one that can't be undone doesn't keep the others
        turn(completions=[Completion(held, status=status, error=ERROR if status == "failed" else None)])
        order = [step for step in run.steps() if step.compensates is not None]
    ended = fresh(run.task)
    assert ended.state == "failed" and ended.error == during.failure and ended.open == 0
    assert run.types().count("STREAM_END") == 1 and run.types()[-1] == "STREAM_END"


def test_only_what_was_done_is_undone(cast: Cast) -> None:
    undo = {"tool": "marker", "arguments": {"text": "undo"}}
    act = {"kind": "tool", "tool": "marker", "arguments": {"text": "do"}, "compensate": undo}
    run = Driven(cast.owner, {"id": "a", **act}, {"id": "b", "depends_on": ["a"], **act}).planned()
    run.done("a")
    run.failed("b")
    assert undone(run) == [run.step("a").n]


def test_a_step_that_is_done_says_what_undoes_it_and_the_plans_word_goes_first(cast: Cast) -> None:
    def undo(text: str) -> dict[str, object]:
        call = {"tool": "marker", "arguments": {"text": text}}
        return {"kind": "tools.call", "queue": "tools", "description": text, "input": call}

    named = {"kind": "tool", "tool": "marker", "compensate": {"tool": "marker", "arguments": {"text": "as planned"}}}
    run = Driven(cast.owner, {"id": "a"}, {"id": "b", **named}, {"id": "c"}, {"id": "d"}).planned()
    again, failing = run.claim("c"), run.claim("d")
    turn(completions=[Completion(again, status="retry", error=ERROR, compensation=undo("too early"))])
    assert run.step("c").compensation is None, "it is not done yet"
    turn(completions=[Completion(run.claim(name), compensation=undo(name)) for name in "ab"])
    turn(completions=[Completion(failing, status="failed", error=ERROR, compensation=undo("d"))])
    assert {name: (run.step(name).compensation or {}).get("description") for name in "abcd"} == {
        "a": "a", "b": "Undo b: marker", "c": None, "d": None,
    }  # fmt: skip


@pytest.mark.parametrize("undo", [None, {"tool": "marker", "arguments": {"text": "undo"}}])
def test_what_ends_in_the_turn_that_fails_the_task_is_recorded_and_leads_nowhere(
    cast: Cast, undo: dict[str, object] | None
) -> None:
    act = {"kind": "tool", "tool": "marker", "arguments": {"text": "do"}, **({"compensate": undo} if undo else {})}
    run = Driven(
        cast.owner, {"id": "a", **act}, {"id": "b"}, {"id": "c"}, {"id": "last", "depends_on": ["a", "b", "c"]}
    ).planned()
    run.done("a")
    failing, growing = run.claim("b"), run.claim("c")
    before = len(run.steps())
    more = [NewStep("control.wait", "more")]
    turn(
        completions=[
            Completion(failing, status="failed", error=ERROR),
            Completion(growing, output={"text": "c"}, grow=more, heir=0),
        ]
    )
    assert run.states()["c"] == "done" and "more" not in run.states()
    assert len(undone(run)) == len(run.steps()) - before == (1 if undo else 0)
    for step in run.steps():
        if step.compensates is not None:
            (held,) = turn(claims=[StepRef(run.task.id, step.n)]).claimed
            turn(completions=[Completion(held)])
    ended = fresh(run.task)
    assert (ended.state, ended.open) == ("failed", 0)
    assert run.types().count("STREAM_END") == 1 and run.types()[-1] == "STREAM_END"


def test_a_row_that_the_database_refuses_does_not_keep_others_from_being_swept(cast: Cast) -> None:
    from webapp.budgets.models import Hold
    from webapp.common.tenancy import tenant_scope

    broken, sound = (Driven(cast.owner, {"id": "a"}) for _ in range(2))
    with tenant_scope(broken.task.tenant_id):
        odd = Hold.objects.create(
            tenant_id=broken.task.tenant_id, task=broken.task, step=1, fence=1, purpose="agent", provider="offline",
            model="rules", held_tokens=10**9, state="open", envelopes=fresh(broken.task).envelopes, created_at=broken.task.created_at,
        )  # fmt: skip
    try:
        sound.hurry()
        swept = sweep(hint_s=30, lease_s=0, attempts=5)
    finally:
        with tenant_scope(broken.task.tenant_id):
            odd.delete()
    assert StepRef(sound.task.id, 1) in {step.ref for step in swept.ready}
    assert str(broken.task.id) in {refused["task"] for refused in swept.refused}
