"""Runs Python in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.errors import SandboxError
from sandbox.keeper import Job, Outcome
from workers.toolbox.registry import Tool, ToolContext, ToolError, ToolResult

LONGEST_S = 60
SHOWN_CHARS = 60_000


class PythonExecutor(Tool):
    name = "python_executor"
    category = "code"
    description = (
        "Run Python 3 with its standard library in a sandbox without network. Attached files are at /data/<name>. "
        "Print what you need; the value of the last expression is returned too. "
        "hartley.save(name, content, media_type=...) after `import hartley` keeps a file, such as an SVG chart."
    )
    parameters = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "minLength": 1, "maxLength": 200_000},
            "timeout_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_S, "default": 30},
            "stdin": {"type": "string", "maxLength": 1_000_000},
        },
        "required": ["code"],
    }
    permissions = frozenset({"code_execution"})
    timeout_s = LONGEST_S + 30.0  # waiting for a free process included

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        sandbox = context.sandbox
        limits = replace(sandbox.limits, wall_s=float(arguments.get("timeout_seconds", sandbox.limits.wall_s)))
        job = Job(code=arguments["code"], stdin=arguments.get("stdin", ""), files=context.files)
        try:
            return _result(await sandbox.run(job, limits))
        except SandboxError as error:
            return ToolResult(False, {}, ToolError("sandbox.unavailable", str(error)))


def _result(outcome: Outcome) -> ToolResult:
    output: dict[str, Any] = {
        "ok": outcome.status == "ok",
        "stdout": _shown(outcome.stdout),
        "value": outcome.value and _shown(outcome.value),
        "artifacts": [
            {"name": made.name, "media_type": made.media_type, "size_bytes": len(made.data)}
            for made in outcome.artifacts
        ],
        "wall_s": round(outcome.wall_s, 3),
    }
    if outcome.stderr:
        output["stderr"] = _shown(outcome.stderr)
    if outcome.status == "ok":
        return ToolResult(True, output, artifacts=outcome.artifacts)
    error = ToolError(f"sandbox.{outcome.status}", outcome.error or outcome.status)
    output["error"] = {"code": error.code, "message": error.message}
    return ToolResult(False, output, error, outcome.artifacts)


def _shown(text: str) -> str:
    cut = len(text) - SHOWN_CHARS
    return text if cut <= 0 else f"{text[:SHOWN_CHARS]}\n[{cut} characters cut]"
