"""Whatever the file tools do to a session's files, and in whatever order it is taken back: the files are those of before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.integration.workspaces.conftest import Desk
from tests.support.cast import Cast
from tests.support.driven import Driven, turn
from webapp.agent_tasks.models import Step
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.steps import StepRef
from webapp.workspaces.formers import TakenBack
from webapp.workspaces.models import Former, SavedRun
from webapp.workspaces.services import ByStep, save_changes, take_back
from workers.toolbox.builtin.file_delete import FileDelete
from workers.toolbox.builtin.file_edit import FileEdit
from workers.toolbox.builtin.file_write import FileWrite
from workers.toolbox.tool import Tool, ToolContext

Call = tuple[Tool, dict[str, Any]]
MOST = 5
UNDO = {"kind": "tools.call", "queue": "tools", "description": "Undo", "input": {}}


def write(path: str, content: str, mode: str = "overwrite") -> Call:
    return FileWrite(), {"path": path, "content": content, "mode": mode}


def edit(path: str, old: str, new: str) -> Call:
    return FileEdit(), {"path": path, "old_text": old, "new_text": new, "replace_all": True}


def delete(path: str, **said: Any) -> Call:
    return FileDelete(), {"path": path, **said}


class History:
    """Steps of one task, which change the files of a session and undo each other; used again for each example."""

    def __init__(self, people: Cast, desk_of: Callable[..., Desk]) -> None:
        plan = [{"id": f"{kind}{n}"} for kind in ("do", "undo") for n in range(MOST)]
        self.run, self.desk_of, self.person = Driven(people.owner, *plan).planned(), desk_of, people.owner
        self.task, self.tenant = self.run.task.id, self.run.task.tenant_id
        steps = [step for step in self.run.steps() if step.agent.startswith(("do", "undo"))]
        turn(claims=[StepRef(self.task, step.n) for step in steps])
        self.numbers = {step.agent: step.n for step in steps}

    def begin(self, files: dict[str, bytes]) -> Desk:
        with tenant_scope(self.tenant):
            Former.objects.all().delete()
            SavedRun.objects.all().delete()
            Step.objects.filter(task_id=self.task).update(compensation=None, compensates=None)
        desk = self.desk_of(self.person)
        desk.save(files)
        return desk

    def do(self, desk: Desk, n: int, call: Call) -> bool:
        """Whether it has changed anything."""
        tool, arguments = call
        given = ToolContext("", "", 1, 1, "", files={}, sandbox=None, workspace=desk.read())
        result = asyncio.run(tool.run(arguments, given))
        if not (result.changed or result.deleted):
            return False
        by = ByStep(self.task, self.numbers[f"do{n}"], 1, {}, UNDO)
        save_changes(
            tenant=self.tenant, session=desk.session, by=by, changed=result.changed, deleted=result.deleted,
            based_on=result.based_on,
        )  # fmt: skip
        with tenant_scope(self.tenant):
            return Former.objects.filter(task=self.task, step=by.step).exists()

    def undo(self, desk: Desk, n: int) -> TakenBack:
        own = self.numbers[f"undo{n}"]
        with tenant_scope(self.tenant):
            Step.objects.filter(task_id=self.task, n=own).update(compensates=self.numbers[f"do{n}"])
        by = ByStep(self.task, own, 1, {})
        return take_back(tenant=self.tenant, session=desk.session, by=by, told=lambda _: {})


@pytest.fixture
def history(people: Cast, desk_of: Callable[..., Desk]) -> History:
    return History(people, desk_of)


FILES = ["a.txt", "b.txt", "d/a.txt", "d/e/b.txt"]
PATHS = st.sampled_from([*FILES, "d"])
TEXTS = st.sampled_from(["", "x", "y", "xy", "\u00e9\r\n"])
CALLS = st.one_of(
    st.builds(write, PATHS, TEXTS, st.sampled_from(["overwrite", "append"])),
    st.builds(edit, PATHS, st.just("x"), TEXTS),
    st.builds(delete, PATHS),
    st.builds(lambda recursive: delete(".", pattern="*.txt", recursive=recursive), st.booleans()),
    st.just(delete("d", recursive=True)),
)
TREES = st.dictionaries(st.sampled_from(FILES), st.sampled_from([b"", b"x", b"\xff\x00"]))
USUAL = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


@USUAL
@given(before=TREES, calls=st.lists(CALLS, min_size=1, max_size=MOST))
@example(before={"d/a.txt": b"x"}, calls=[delete("d", recursive=True), write("d", "a file"), delete("d")])
@example(before={"a.txt": b"x"}, calls=[write("a.txt", "y"), write("a.txt", "x"), edit("a.txt", "x", "y")])
def test_undone_the_last_first_nothing_is_left_of_any_calls(
    history: History, before: dict[str, bytes], calls: list[Call]
) -> None:
    desk = history.begin(before)
    acted = [n for n, call in enumerate(calls) if history.do(desk, n, call)]
    for n in reversed(acted):
        taken = history.undo(desk, n)
        assert not taken.left and not taken.later
    assert desk.read() == before
    desk.usage()
    with tenant_scope(history.tenant):
        assert not Former.objects.exists()


@USUAL
@given(contents=st.lists(st.sampled_from("xyz"), min_size=2, max_size=MOST), order=st.randoms(use_true_random=False))
@example(contents=["x", "y", "x"], order=random.Random(0))
def test_calls_side_by_side_may_be_undone_in_any_order(
    history: History, contents: list[str], order: random.Random
) -> None:
    """They may be recorded as done in another order than their changes were saved."""
    desk = history.begin({"other": b"1"})
    acted = [n for n, content in enumerate(contents) if history.do(desk, n, write("a.txt", content))]
    order.shuffle(acted)
    assert all(not history.undo(desk, n).left for n in acted)
    assert desk.read() == {"other": b"1"}
