"""Python in the sandbox, with the task's and the session's files. Whatever the code does, the result is a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.errors import FilesRefused, SandboxError
from sandbox.keeper import Artifact, Job, Outcome
from workers.toolbox.texts import bounded
from workers.toolbox.tool import Tool, ToolContext, ToolResult

RUN_S = 30
LONGEST_S = 60
PATHS_SHOWN = 50
FUEL_PER_S = 10**10  # more than any processor of today gets through


class PythonExecutor(Tool):
    """
    Args:
        stdout_chars, value_chars, error_chars: how much of each the model is shown.
    """

    name = "python_executor"
    description = (
        "Runs Python 3 in a fresh sandbox and gives what it printed and the value of the last line. It has the standard "
        "library and sympy, mpmath, networkx, yaml, jinja2, markdown, tabulate, dateutil, tzdata and pygal; no numpy, no "
        "other packages, no network. Attached files are at /data/<name>, to be read only. "
        "Its working directory /workspace holds the session's files: what code leaves there, later runs find, and the user. "
        "hartley.save(name, content, media_type=...) after `import hartley` hands a file to the user, such as a chart: "
        "hartley.save('chart.svg', pygal_chart.render(), media_type='image/svg+xml')."
    )
    category = "code"
    branch = "code_execution"
    effect = "computes"
    uses_workspace = True
    permissions = frozenset({"code_execution"})
    timeout_s = 2.0 * LONGEST_S  # half of it is for the wait for a free sandbox
    fuel = LONGEST_S * FUEL_PER_S
    parameters = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "minLength": 1, "maxLength": 100_000},
            "timeout_seconds": {"type": "number", "minimum": 1, "maximum": LONGEST_S, "default": RUN_S},
            "stdin": {"type": "string", "maxLength": 100_000, "default": "", "description": "Standard input."},
        },
        "required": ["code"],
        "additionalProperties": False,
    }

    def __init__(self, *, stdout_chars: int = 60_000, value_chars: int = 10_000, error_chars: int = 8_000) -> None:
        self._stdout_chars, self._value_chars, self._error_chars = stdout_chars, value_chars, error_chars

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """
        Raises:
            SandboxError: no sandbox process could be had.
        """
        if context.sandbox is None:
            raise SandboxError("this process has no sandbox")
        limits = replace(
            context.sandbox.limits, wall_s=float(arguments.get("timeout_seconds", RUN_S)), fuel=context.fuel
        )
        job = Job(
            code=arguments["code"],
            stdin=arguments.get("stdin", ""),
            files=context.files,
            workspace=context.workspace,
        )
        try:
            outcome = await context.sandbox.run(job, limits, context.say, owner=context.tenant_id)
        except FilesRefused as error:  # the tenant's files, which a second try would not change
            return ToolResult.failure(error.code, str(error))
        return _with_changes(self._result(outcome), outcome)

    def _result(self, outcome: Outcome) -> ToolResult:
        artifacts = tuple(map(_storable, outcome.artifacts))
        if outcome.status != "ok":
            failure = ToolResult.failure(f"sandbox.{outcome.status}", self._failure(outcome), artifacts)
            return replace(failure, fuel=outcome.fuel)
        output: dict[str, Any] = {
            "stdout": bounded(outcome.stdout, self._stdout_chars),
            "value": None if outcome.value is None else bounded(outcome.value, self._value_chars),
            "artifacts": [_listed(artifact) for artifact in artifacts],
        }
        if outcome.stderr:
            output["stderr"] = bounded(outcome.stderr, self._error_chars)
        return replace(ToolResult.success(output, artifacts), fuel=outcome.fuel)

    def _failure(self, outcome: Outcome) -> str:
        """What it printed before may hold the reason."""
        text = bounded(outcome.error or f"The code ended with {outcome.status}", self._error_chars)
        printed = bounded((outcome.stdout + outcome.stderr).strip(), self._error_chars // 4)
        return f"{text}\nPrinted before:\n{printed}" if printed else text


def _with_changes(result: ToolResult, outcome: Outcome) -> ToolResult:
    """Files that code left are kept when it failed as well, as on any machine."""
    named = {"changed": sorted(outcome.files), "deleted": sorted(outcome.deleted), "left_out": list(outcome.left_out)}
    shown = {what: _some(paths) for what, paths in named.items() if paths}
    output = {**result.output, "workspace": shown} if shown else result.output
    return replace(result, output=output, changed=outcome.files, deleted=outcome.deleted)


def _some(paths: list[str]) -> list[str]:
    left = len(paths) - PATHS_SHOWN
    return paths if left <= 0 else [*paths[:PATHS_SHOWN], f"and {left} more"]


def _storable(artifact: Artifact) -> Artifact:
    return replace(artifact, name=bounded(artifact.name, 200), media_type=bounded(artifact.media_type, 100))


def _listed(artifact: Artifact) -> dict[str, object]:
    return {"name": artifact.name, "media_type": artifact.media_type, "size_bytes": len(artifact.data)}
