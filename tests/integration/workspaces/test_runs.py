"""Code of agents with the session's files: what a run finds and leaves, once, whatever becomes of its worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.keeper import Keeper
from sandbox.limits import Limits
from tests.integration.workspaces.conftest import Desk
from tests.support.cast import Cast, Person
from tests.support.driven import Driven, put, sweep, turn
from webapp.agent_tasks.models import Step
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, StepRef
from webapp.workspaces.models import File, SavedRun
from webapp.workspaces.sweep import sweep as sweep_files
from workers import session_files, tools
from workers.beats import Beats, StepLost
from workers.services import services as of_the_worker
from workers.toolbox.tool import ToolResult

APPEND = "open('log', 'a').write('x')"


class Worker:
    """A worker's loop and sandbox, with the real engine behind its steps."""

    def __init__(self, loop: asyncio.Runner, keeper: Keeper) -> None:
        self.loop, self.keeper = loop, keeper

    def perform(self, *steps: ClaimedStep) -> list[Completion]:
        """Their middle beats, at once."""

        async def all_of_them() -> list[Completion]:
            return await asyncio.gather(*(tools.call(step, Beats(step, put)) for step in steps))

        return self.loop.run(all_of_them())


@pytest.fixture
def worker(sandbox_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    with asyncio.Runner() as loop:
        keeper = Keeper(image=sandbox_image, size=2, limits=Limits(), scratch=tmp_path)
        monkeypatch.setitem(of_the_worker().__dict__, "sandbox", keeper)
        yield Worker(loop, keeper)
        loop.run(keeper.close())


def step_of(desk: Desk, code: str, person: Person | None = None) -> ClaimedStep:
    """Claimed, of a task of its own in the session."""
    who = person or desk.person
    return call_of(who, desk, "python_executor", {"code": code})


def call_of(who: Person, desk: Desk, tool: str, arguments: dict[str, Any]) -> ClaimedStep:
    plan = {"id": "run", "kind": "tool", "tool": tool, "arguments": arguments}
    return Driven(who, plan, session=str(desk.session)).planned().claim("run")


def again(step: ClaimedStep) -> ClaimedStep:
    """Its worker is lost: another attempt."""
    with tenant_scope(step.tenant):
        Step.objects.filter(task_id=step.task, n=step.n).update(due="2000-01-01T00:00:00Z")
    sweep(hint_s=0)
    (won,) = turn(claims=[StepRef(step.task, step.n)]).claimed
    return won


def shown(done: Completion) -> dict[str, Any]:
    assert done.output or done.error
    return dict((done.output or {}).get("shown") or {"error": done.error})


def test_a_run_leaves_what_a_later_one_of_the_session_finds(desk: Desk, worker: Worker) -> None:
    first = step_of(
        desk, "import os\nos.mkdir('out'); open('out/a.csv', 'w').write('1,2')\nopen('log', 'w').write('x')"
    )
    (done,) = worker.perform(first)
    assert shown(done)["workspace"] == {"changed": ["log", "out/a.csv"]}
    assert done.events[-1]["payload"]["workspace"] == {"changed": ["log", "out/a.csv"]}
    (later,) = worker.perform(step_of(desk, f"{APPEND}\nimport os\nos.remove('out/a.csv'); open('log').read()"))
    assert (shown(later)["value"], shown(later)["workspace"]) == (
        "'xx'", {"changed": ["log"], "deleted": ["out/a.csv"]}
    )  # fmt: skip
    assert desk.read() == {"log": b"xx"}
    with tenant_scope(desk.tenant):
        row = File.objects.get(workspace_id=desk.session)
    assert row.task != first.task and row.step == first.n and row.user_id is None


def test_code_that_fails_leaves_what_it_had_written(desk: Desk, worker: Worker) -> None:
    (done,) = worker.perform(step_of(desk, f"{APPEND}\n1 / 0"))
    assert done.error and "ZeroDivisionError" in done.error["message"] and desk.read() == {"log": b"x"}


def test_code_that_fails_in_a_step_that_is_to_be_undone_leaves_nothing(desk: Desk, worker: Worker) -> None:
    plan = {"id": "run", "kind": "tool", "tool": "python_executor", "arguments": {"code": f"{APPEND}\n1 / 0"}}
    run = Driven(desk.person, {**plan, "compensate": True}, session=str(desk.session)).planned()
    (done,) = worker.perform(run.claim("run"))
    assert done.error and "ZeroDivisionError" in done.error["message"] and desk.read() == {}


def test_an_attempt_after_the_save_gives_the_same_result_and_runs_nothing(desk: Desk, worker: Worker) -> None:
    code = f"{APPEND}\nimport hartley, random\nhartley.save('a.txt', 'x', media_type='text/plain')\nrandom.random()"
    first = step_of(desk, code)
    (done,) = worker.perform(first)
    second = again(first)
    (repeated,) = worker.perform(second)
    assert second.fence == 2 and desk.read() == {"log": b"x"}, "appended once"
    assert repeated.output == done.output and repeated.output["artifacts"][0]["filename"] == "a.txt"  # type: ignore[index]
    turn(completions=[repeated])
    sweep_files()
    with tenant_scope(desk.tenant):
        assert not SavedRun.objects.filter(task=first.task).exists(), "nobody needs it any more"
    assert desk.read() == {"log": b"x"}


def test_an_attempt_that_was_overtaken_saves_nothing(desk: Desk, worker: Worker) -> None:
    first = step_of(desk, APPEND)
    second = again(first)

    async def taken(_said: Begin | Completion) -> JSON:
        """Its begin was there before it was overtaken."""
        return {}

    with pytest.raises(StepLost):
        worker.loop.run(tools.call(first, Beats(first, taken)))
    assert desk.read() == {}
    worker.perform(second)
    assert desk.read() == {"log": b"x"}


def test_runs_at_once_that_change_different_files_both_keep_theirs(desk: Desk, worker: Worker) -> None:
    desk.save({"both": b"0"})
    left, right = (step_of(desk, f"open('{name}', 'w').write('{name}')") for name in ("left", "right"))
    worker.perform(left, right)
    assert desk.read() == {"both": b"0", "left": b"left", "right": b"right"}


def test_what_does_not_fit_into_the_session_fails_the_run_and_names_the_limit(
    desk: Desk, worker: Worker, settings: Any
) -> None:
    settings.WORKSPACE_BYTES = 10
    desk.save({"a": b"12345"})
    (done,) = worker.perform(
        step_of(desk, "open('b', 'w').write('123456'); open('a', 'w').write('')\nopen('c', 'w').write('1234567')")
    )
    assert done.error and done.error["code"] == "workspace.full" and "limit is 10 bytes" in done.error["message"]
    assert desk.read() == {"a": b"12345"}


def test_a_session_with_more_files_than_a_run_can_have_is_told_so(desk: Desk, worker: Worker) -> None:
    desk.save({"a": b"12345", "b": b""})
    for limits in ({"workspace_bytes": 4}, {"workspace_files": 1}):
        worker.keeper.limits = replace(Limits(), **limits)
        (done,) = worker.perform(step_of(desk, "1"))
        assert (
            done.error and done.error["code"] == "workspace.too_large" and "5 bytes in 2 files" in done.error["message"]
        )


def test_a_run_sees_its_own_sessions_files_and_no_others(
    desk: Desk, worker: Worker, desk_of: Any, people: Cast
) -> None:
    desk.save({"secret.txt": b"ours"})
    look = "import os\n[name for _, _, names in os.walk('/workspace') for name in names]"
    for person in (people.owner, people.stranger):
        other = desk_of(person)
        assert shown(*worker.perform(step_of(other, look)))["value"] == "[]"
    assert shown(*worker.perform(step_of(desk, look)))["value"] == "['secret.txt']"


def test_two_spellings_of_a_name_fail_the_run_by_name(desk: Desk, worker: Worker) -> None:
    (done,) = worker.perform(step_of(desk, "for name in ('\\u00e9', 'e\\u0301'): open(name, 'w').close()"))
    assert done.error and done.error["code"] == "workspace.path_invalid" and desk.read() == {}


def edits(desk: Desk, *replaced: tuple[str, str]) -> list[ClaimedStep]:
    return [
        call_of(desk.person, desk, "file_edit", {"path": "plan.md", "old_text": old, "new_text": new})
        for old, new in replaced
    ]


def test_edits_at_once_of_one_file_all_count(desk: Desk, worker: Worker) -> None:
    desk.save({"plan.md": b"one two three four"})
    done = worker.perform(*edits(desk, ("one", "1"), ("two", "2"), ("three", "3"), ("four", "4")))
    assert all(shown(each)["ok"] for each in done) and desk.read() == {"plan.md": b"1 2 3 4"}
    done = worker.perform(*edits(desk, ("1", "x"), ("1", "y")))
    won, lost = sorted(map(shown, done), key=lambda each: "error" in each)
    assert won["ok"] and lost["error"]["code"] == "file_edit.not_found"
    assert desk.read()["plan.md"] in (b"x 2 3 4", b"y 2 3 4")


def test_a_change_that_can_not_be_made_anew_is_told(desk: Desk, worker: Worker) -> None:
    desk.save({"plan.md": b"1"})
    (step,) = edits(desk, ("1", "2"))
    result = replace(ToolResult.success({}), changed={"plan.md": b"2"}, based_on={"plan.md": "0" * 64})
    told = worker.loop.run(session_files.save(step, result, []))
    assert told.error and told.error.code == "workspace.file_changed" and "read it again" in told.error.message
    assert desk.read() == {"plan.md": b"1"}


def test_file_tools_work_on_the_sessions_files_and_on_no_others(
    desk: Desk, worker: Worker, desk_of: Any, people: Cast
) -> None:
    desk.save({"secret.txt": b"ours"})
    search = {"query": "ours"}
    for person in (people.owner, people.stranger):
        other = desk_of(person)
        assert shown(*worker.perform(call_of(person, other, "file_search", search)))["matches"] == []
        (done,) = worker.perform(call_of(person, other, "file_read", {"path": "secret.txt"}))
        assert done.error and done.error["code"] == "file.not_found"
    (found,) = shown(*worker.perform(call_of(desk.person, desk, "file_search", search)))["matches"]
    assert found == {"path": "secret.txt", "line": 1, "text": "ours"}


def test_a_member_who_may_not_run_code_may_still_keep_notes(worker: Worker, desk_of: Any, people: Cast) -> None:
    desk = desk_of(people.user)
    (done,) = worker.perform(call_of(people.user, desk, "file_write", {"path": "notes.md", "content": "x"}))
    assert shown(done)["created"] is True and desk.read() == {"notes.md": b"x"}
