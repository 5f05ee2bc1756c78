"""What a failed tool call does to its step, and what undoes one that succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import pytest

from tests.support.claimed import claimed
from tests.support.marker import MarkerTool, UndoneTool
from webapp.orchestration.on_failure import BRANCHES
from workers.failed_calls import failed_call
from workers.toolbox.registry import ToolResult, Undo, load_registry
from workers.toolbox.tool import Branch
from workers.undoing import compensation_of, files_undo_of

FAILED = {"ok": False, "error": {"code": "sandbox.error", "message": "ZeroDivisionError"}}
EVENTS = [{"type": "TOOL_OBSERVATION"}]


def ended(branch: str = "generic", shown: dict[str, Any] = FAILED, retries: int = 0, **said: Any) -> tuple[str, ...]:
    step = replace(claimed(), input={"strict": True, **said}, retries=retries)
    completion = failed_call(step, branch, shown, EVENTS)
    return (completion.status, completion.error["code"]) if completion and completion.error else ("done",)


def test_plans_and_tools_know_the_same_branches() -> None:
    assert get_args(Branch) == BRANCHES


def test_a_plans_call_fails_with_its_tool_where_the_plan_says_nothing_else() -> None:
    assert ended() == ended(on_failure={"web_search": "go_on"}) == ("failed", "sandbox.error")


def test_an_agents_call_is_done_however_it_ended() -> None:
    assert ended(strict=False, on_failure={"generic": "fail"}) == ("done",)


def test_each_branch_goes_the_way_that_the_plan_names_for_it() -> None:
    ways = {"code_execution": "go_on", "web_search": "retry", "data_analysis": "fail"}
    found = {branch: ended(branch, on_failure=ways)[0] for branch in BRANCHES}
    assert found == {"code_execution": "done", "web_search": "retry", "data_analysis": "failed", "generic": "failed"}


def test_retries_end() -> None:
    again = {"on_failure": {"generic": "retry"}}
    assert [ended(retries=n, **again)[0] for n in range(3)] == ["retry", "retry", "failed"]


@pytest.mark.parametrize("code", ["tool.unknown", "tool.arguments_invalid", "policy.denied", "budget.exceeded"])
def test_what_would_end_alike_is_not_tried_again(code: str) -> None:
    shown = {"ok": False, "error": {"code": code, "message": "no"}}
    assert ended(shown=shown, on_failure={"generic": "retry"}) == ("failed", code)


class Odd(MarkerTool):
    def __init__(self, told: Any) -> None:
        self.told = told

    def compensation(self, arguments: Mapping[str, Any], output: Mapping[str, Any]) -> Undo | None:
        if isinstance(self.told, Exception):
            raise self.told
        return self.told  # type: ignore[no-any-return]


DONE = ToolResult.success({"marked": "x"})
ASKED = {"compensate": True, "arguments": {"text": "x"}}


def test_a_tool_says_what_undoes_its_call() -> None:
    step = replace(claimed(), input=ASKED, agent="booking", n=7)
    undo, warned = compensation_of(step, UndoneTool(), DONE)
    assert undo and not warned
    assert (undo["kind"], undo["description"]) == ("tools.call", "Undo booking: marker")
    assert undo["input"] == {
        "call_id": "undo-7", "tool": "marker", "arguments": {"text": "undo x", "delay_s": 0},
        "raw": '{"text": "undo x", "delay_s": 0}', "strict": True,
    }  # fmt: skip


def test_nothing_is_undone_that_nobody_asked_for_that_failed_or_that_needs_it_not() -> None:
    step = replace(claimed(), input=ASKED)
    unasked = replace(step, input={**ASKED, "compensate": False})
    assert compensation_of(unasked, UndoneTool(), DONE) == (None, [])
    assert compensation_of(step, UndoneTool(), ToolResult.failure("no", "no")) == (None, [])
    assert compensation_of(step, MarkerTool(), DONE) == (None, [])


@pytest.mark.parametrize("tool", ["file_write", "file_edit", "file_delete", "web_download", "python_executor"])
def test_what_has_changed_files_is_undone_by_giving_them_back(tool: str) -> None:
    acts, step = load_registry().get(tool), replace(claimed(), input={"compensate": True, "arguments": {}})
    for changed in ({"changed": ["a"]}, {"deleted": ["a"]}):
        undo, _ = compensation_of(step, acts, ToolResult.success({"workspace": changed}))
        assert undo and (undo["input"]["tool"], undo["input"]["arguments"]) == ("file_undo", {})
        assert files_undo_of(step, acts, ToolResult.success({"workspace": changed})) == undo
    assert compensation_of(step, acts, ToolResult.success({"workspace": {"left_out": ["x"]}})) == (None, [])


def test_a_tool_without_files_gives_none_back_whatever_it_answers() -> None:
    step = replace(claimed(), input={"compensate": True, "arguments": {}})
    answered = ToolResult.success({"workspace": {"changed": ["theirs"]}})
    assert compensation_of(step, MarkerTool(), answered) == (None, [])


@pytest.mark.parametrize(
    "told", [RuntimeError("bug"), ("marker",), Undo("marker", {"x": object()}), Undo("marker", {"x": float("nan")}),
             Undo("marker", {"x": "y" * 300_000}), Undo(None, {})]  # type: ignore[arg-type]
)  # fmt: skip
def test_a_tool_that_cannot_say_it_is_told_of_and_its_call_stays_done(told: Any) -> None:
    undo, (warning,) = compensation_of(replace(claimed(), input=ASKED), Odd(told), DONE)
    assert undo is None and warning["type"] == "WARNING" and "marker has acted" in warning["message"]
