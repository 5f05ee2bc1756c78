from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sandbox.errors import FilesRefused, KeeperClosed, SandboxError
from sandbox.keeper import Artifact, Outcome
from workers.toolbox.builtin.python_executor import PythonExecutor
from workers.toolbox.registry import ToolResult

CHART = Artifact("chart.svg", "image/svg+xml", b"<svg/>")


def execute(context: Any, sandbox: Any, tool: PythonExecutor | None = None, **arguments: Any) -> ToolResult:
    arguments = {"code": "print(1)", **arguments}
    return asyncio.run((tool or PythonExecutor()).run(arguments, context(sandbox, {"a.csv": b"x\n1\n"})))


def test_code_runs_with_its_input_the_tasks_files_and_the_asked_for_time(context: Any, scripted: Any) -> None:
    sandbox = scripted(Outcome("ok"))
    execute(context, sandbox, code="input()", stdin="hello", timeout_seconds=5)
    [(job, limits)] = sandbox.jobs
    assert (job.code, job.stdin, job.files) == ("input()", "hello", {"a.csv": b"x\n1\n"})
    assert limits.wall_s == 5.0 and limits.memory_bytes == sandbox.limits.memory_bytes


def test_code_has_thirty_seconds_when_it_does_not_say(context: Any, scripted: Any) -> None:
    sandbox = scripted(Outcome("ok"))
    execute(context, sandbox)
    assert sandbox.jobs[0][1].wall_s == 30.0


def test_the_model_is_shown_what_was_printed_the_value_and_the_files(context: Any, scripted: Any) -> None:
    result = execute(context, scripted(Outcome("ok", stdout="1\n", value="42", artifacts=(CHART,))))
    assert result.ok and result.artifacts == (CHART,)
    assert result.output == {
        "ok": True,
        "stdout": "1\n",
        "value": "42",
        "artifacts": [{"name": "chart.svg", "media_type": "image/svg+xml", "size_bytes": 6}],
    }


def test_what_is_printed_while_it_runs_goes_where_the_context_says(scripted: Any, context: Any) -> None:
    def say(stream: str, text: str) -> None:
        """Of the test."""

    sandbox = scripted(Outcome("ok"))
    asyncio.run(PythonExecutor().run({"code": "print(1)"}, context(sandbox, say=say)))
    assert sandbox.heard is say


def test_what_was_written_to_standard_error_is_shown_when_there_is_any(context: Any, scripted: Any) -> None:
    assert execute(context, scripted(Outcome("ok", stderr="careful\n"))).output["stderr"] == "careful\n"


@pytest.mark.parametrize("status", ["error", "timeout", "memory", "output", "crash"])
def test_every_other_outcome_is_a_failed_result_and_not_an_exception(context: Any, scripted: Any, status: Any) -> None:
    result = execute(context, scripted(Outcome(status, stdout="so far\n", error="It broke", artifacts=(CHART,))))
    assert not result.ok and result.error is not None
    assert result.error.code == f"sandbox.{status}"
    assert result.error.message == "It broke\nPrinted before:\nso far"
    assert result.artifacts == (CHART,)


def test_long_output_is_cut_with_a_note(context: Any, scripted: Any) -> None:
    tool = PythonExecutor(stdout_chars=100, value_chars=20, error_chars=40)
    ok = execute(context, scripted(Outcome("ok", stdout="x" * 1000, value="y" * 1000, stderr="z" * 1000)), tool)
    assert "[cut: 900 of 1000 characters left out]" in ok.output["stdout"]
    assert "[cut: 980 of 1000 characters left out]" in ok.output["value"]
    assert "[cut: 960 of 1000 characters left out]" in ok.output["stderr"]
    failed = execute(context, scripted(Outcome("error", stdout="x" * 1000, error="e" * 1000)), tool)
    assert failed.error is not None and len(failed.error.message) < 250


def test_what_the_database_cannot_keep_does_not_reach_it(context: Any, scripted: Any) -> None:
    odd = Artifact("a\0\ud800.txt", "text/plain\0", b"x")
    result = execute(context, scripted(Outcome("ok", stdout="a\0b", value="'\ud800'", artifacts=(odd,))))
    shown = json.dumps(result.output) + repr(result.artifacts)
    assert "u0000" not in shown and "ud800" not in shown and "x00" not in shown
    assert result.output["stdout"] == "a\ufffdb"


def test_code_has_the_sessions_files_and_what_it_changed_is_told_and_handed_on(context: Any, scripted: Any) -> None:
    left = {"b.csv": b"1", "a.csv": b""}
    sandbox = scripted(Outcome("ok", files=left, deleted=("old",), left_out=("-rf",)))
    given = context(sandbox, workspace={"old": b"x"})
    result = asyncio.run(PythonExecutor().run({"code": "1"}, given))
    assert sandbox.jobs[0][0].workspace == {"old": b"x"}
    assert (result.changed, result.deleted) == (left, ("old",))
    told = {"changed": ["a.csv", "b.csv"], "deleted": ["old"], "left_out": ["-rf"]}
    assert result.output["workspace"] == told
    many = Outcome("error", error="It broke", files={f"{n:03}": b"" for n in range(60)})
    failed = execute(context, scripted(many))
    assert not failed.ok and len(failed.changed) == 60
    assert failed.output["workspace"]["changed"][-2:] == ["049", "and 10 more"]


def test_files_that_the_sandbox_refuses_are_a_failed_result_that_says_why(context: Any, scripted: Any) -> None:
    result = execute(context, scripted(FilesRefused("'a/b' is not a file name.")))
    assert not result.ok and result.error is not None
    assert (result.error.code, result.error.message) == ("sandbox.files_refused", "'a/b' is not a file name.")


def test_a_sandbox_that_is_closing_is_the_platforms_fault(context: Any, scripted: Any) -> None:
    with pytest.raises(KeeperClosed):
        execute(context, scripted(KeeperClosed()))


def test_without_a_sandbox_the_platform_is_at_fault(context: Any) -> None:
    with pytest.raises(SandboxError):
        execute(context, None)


def test_running_code_demands_its_permission_and_touches_nothing_outside() -> None:
    tool = PythonExecutor()
    assert (tool.permissions, tool.effect, tool.dangerous) == (frozenset({"code_execution"}), "computes", False)
