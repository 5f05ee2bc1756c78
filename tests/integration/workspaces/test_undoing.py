"""What calls have changed of a session's files is taken back when their task fails: to the byte, and nobody else's work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sandbox.limits import Limits
from tests.integration.workspaces.conftest import Desk
from tests.integration.workspaces.test_runs import Worker, again
from tests.support.cast import Cast
from tests.support.driven import Driven, claim, turn
from webapp.agent_tasks.models import Step
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.steps import ClaimedStep, Completion
from webapp.workspaces.models import Former
from webapp.workspaces.sweep import sweep as sweep_files
from workers.services import services as of_the_worker
from workers.toolbox.listing import listing_of
from workers.toolbox.registry import load_registry

Call = tuple[str, dict[str, Any]]


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker's loop; these tools need no sandbox but its limits."""

    class NoSandbox:
        limits = Limits()

    with asyncio.Runner() as loop:
        monkeypatch.setitem(of_the_worker().__dict__, "sandbox", NoSandbox())
        yield Worker(loop, NoSandbox())  # type: ignore[arg-type]


def write(path: str, content: str, mode: str = "overwrite") -> Call:
    return "file_write", {"path": path, "content": content, "mode": mode}


def edit(path: str, old: str, new: str) -> Call:
    return "file_edit", {"path": path, "old_text": old, "new_text": new, "replace_all": True}


def delete(path: str, **said: Any) -> Call:
    return "file_delete", {"path": path, **said}


class Acting:
    """A task in which these calls are made, each with its undoing asked for; one that waits lets it fail."""

    def __init__(self, desk: Desk, hand: Worker, calls: Sequence[Call], *, asks: bool = True) -> None:
        self.desk, self.hand = desk, hand
        acts = [
            {"id": f"s{n}", "kind": "tool", "tool": tool, "arguments": arguments, "on_failure": "go_on"}
            for n, (tool, arguments) in enumerate(calls)
        ]
        said = [{**act, "compensate": asks} for act in acts]
        last = {"id": "last", "depends_on": ["end", *(act["id"] for act in acts)]}
        self.run = Driven(desk.person, *said, {"id": "end"}, last, session=str(desk.session)).planned()

    def act(self, *names: str) -> list[Completion]:
        done = []
        for name in names or [step.agent for step in self.run.steps() if step.kind == "tools.call"]:
            (completion,) = self.hand.perform(self.run.claim(name))
            turn(completions=[completion])
            done.append(completion)
        return done

    def fail(self) -> list[Step]:
        """Returns the steps that undo, in the order in which they are to run."""
        self.run.failed("end")
        return [step for step in self.run.steps() if step.compensates is not None]

    def undo(self, step: Step) -> Completion:
        (completion,) = self.hand.perform(self.claimed(step))
        turn(completions=[completion])
        return completion

    def claimed(self, step: Step) -> ClaimedStep:
        return claim(self.run.task, step.n)

    def formers(self) -> int:
        with tenant_scope(self.desk.tenant):
            return Former.objects.filter(task=self.run.task.id).count()


def test_what_somebody_has_changed_since_is_left_and_told(desk: Desk, hand: Worker) -> None:
    desk.save({"a": b"1", "b": b"1", "c/d": b"1"})
    task = Acting(desk, hand, [delete(".", pattern="*", recursive=True)])
    task.act()
    desk.save({"a": b"mine", "c": b"mine"})
    (undoing,) = task.fail()
    done = task.undo(undoing)
    assert done.status == "failed" and done.error and done.error["code"] == "workspace.not_undone"
    assert "1 of 3 files" in done.error["message"] and "'a': it was changed since" in done.error["message"]
    assert "'c/d': something else lies in its way" in done.error["message"]
    assert desk.read() == {"a": b"mine", "b": b"1", "c": b"mine"} and task.run.state() == "failed"


def test_of_two_tasks_each_takes_back_its_own(desk: Desk, hand: Worker) -> None:
    desk.save({"a": b"0"})
    first, second = (Acting(desk, hand, [write("a", content)]) for content in "12")
    first.act()
    second.act()
    (undoing,) = first.fail()
    assert first.undo(undoing).status == "failed" and desk.read() == {"a": b"2"}, "the other's work stays"
    (undoing,) = second.fail()
    assert second.undo(undoing).status == "done" and desk.read() == {"a": b"0"}


def test_the_old_bytes_stay_until_the_task_has_ended(desk: Desk, hand: Worker) -> None:
    desk.save({"a": b"old"})
    task = Acting(desk, hand, [delete("a")])
    task.act()
    sweep_files(grace_s=0)
    assert [path.read_bytes() for path in desk.on_disk()] == [b"old"], "kept once, by its hash"
    (undoing,) = task.fail()
    task.undo(undoing)
    assert desk.read() == {"a": b"old"}
    other = Acting(desk, hand, [delete("a")])
    other.act()
    other.run.done("end")
    other.run.done("last")
    other.run.done("editor")
    sweep_files(grace_s=0)
    sweep_files(grace_s=0)
    assert other.formers() == 0 and desk.on_disk() == [], "the task is done, nobody needs them"


def test_nothing_is_kept_of_a_call_that_nobody_wants_undone(desk: Desk, hand: Worker) -> None:
    task = Acting(desk, hand, [write("a", "x")], asks=False)
    task.act()
    assert task.formers() == 0 and task.fail() == [] and desk.read() == {"a": b"x"}


def test_another_attempt_takes_nothing_back_twice(desk: Desk, hand: Worker) -> None:
    task = Acting(desk, hand, [write("a", "x")])
    task.act()
    (undoing,) = task.fail()
    first = task.claimed(undoing)
    (done,) = hand.perform(first)
    desk.save({"a": b"x"})  # somebody makes it anew before the next attempt
    (repeated,) = hand.perform(again(first))
    assert repeated.output == done.output and repeated.status == "done" and desk.read() == {"a": b"x"}


def test_a_change_whose_worker_was_lost_before_it_said_so_is_undone_too(desk: Desk, hand: Worker) -> None:
    desk.save({"a": b"0"})
    task = Acting(desk, hand, [write("a", "x"), write("b", "y")])
    hand.perform(task.run.claim("s0"))  # saved, and then nobody hears of it
    task.act("s1")
    undoing = task.fail()
    assert [task.run.step(name).n for name in ("s0", "s1")] == [step.compensates for step in undoing]
    assert [task.undo(step).status for step in undoing] == ["done", "done"] and desk.read() == {"a": b"0"}


def test_more_than_may_be_kept_is_not_changed(desk: Desk, hand: Worker, settings: Any) -> None:
    settings.WORKSPACE_BYTES = 10
    desk.save({"a": b"123456"})
    task = Acting(desk, hand, [write("a", "654321"), delete("a")])
    first, second = task.act()
    assert first.output and first.output["shown"]["ok"] and second.output
    assert second.output["shown"]["error"]["code"] == "workspace.undo_full"
    assert "12 bytes" in second.output["shown"]["error"]["message"] and desk.read() == {"a": b"654321"}
    (undoing,) = task.fail()
    assert task.undo(undoing).status == "done" and desk.read() == {"a": b"123456"}


def test_nobody_takes_back_what_no_failed_task_has_done(desk: Desk, hand: Worker, desk_of: Any, people: Cast) -> None:
    task = Acting(desk, hand, [write("a", "x"), ("file_undo", {})])
    _, asked = task.act()
    assert asked.output and asked.output["shown"]["error"]["code"] == "workspace.nothing_to_undo"
    assert desk.read() == {"a": b"x"} and task.formers() == 1
    with tenant_scope(people.globex.id):
        assert not Former.objects.exists(), "another tenant sees nothing"


def test_models_and_people_are_not_told_of_it() -> None:
    tools = load_registry()
    assert tools.get("file_undo") and "file_undo" not in {spec["name"] for spec in tools.specs()}
    assert "file_undo" not in {row["name"] for row in listing_of(tools)["tools"]}
