"""A tenant's own WebAssembly module as a tool: arguments as JSON on standard input, the result on standard output."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from mimetypes import MimeTypes
from typing import Any

from sandbox.errors import FilesRefused, ModuleRefused, SandboxError
from sandbox.job import ModuleJob
from sandbox.keeper import Artifact, Outcome
from sandbox.limits import Limits
from workers.toolbox.builtin.python_executor import FUEL_PER_S
from workers.toolbox.texts import bounded, value_of
from workers.toolbox.tool import Tool, ToolContext, ToolResult

STDOUT_CHARS, ERROR_CHARS = 60_000, 8_000
RUN_S = Limits().wall_s
UNKNOWN = "application/octet-stream"
KINDS = MimeTypes()  # Python's own table; that of the machine differs from one to the next


class ModuleTool(Tool):
    """
    Args:
        code: gives the native code.
    """

    category = "code"
    branch = "code_execution"
    effect = "computes"
    is_own = True
    permissions = frozenset({"code_execution"})
    fuel = int(RUN_S * FUEL_PER_S)
    timeout_s = 2 * RUN_S  # half of it is for the wait for a free sandbox, and for compiling

    def __init__(
        self,
        *,
        name: str,
        description: str,
        parameters: dict[str, Any],
        version: str,
        code: Callable[[], Awaitable[bytes]],
    ) -> None:
        self.name, self.description, self.parameters = name, description, parameters
        self.version, self._code = version, code

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """
        Raises:
            SandboxError: no sandbox process could be had.
        """
        if context.sandbox is None:
            raise SandboxError("this process has no sandbox")
        limits, given = replace(context.sandbox.limits, fuel=context.fuel), json.dumps(arguments)
        try:
            native = await self._code()
            job = ModuleJob(native=native, arguments=(self.name, given), stdin=given, files=context.files)
            outcome = await context.sandbox.run(job, limits, owner=context.tenant_id)
        except (FilesRefused, ModuleRefused) as error:  # a second try would not change it
            return ToolResult.failure(error.code, str(error))
        return replace(_result(outcome, limits), fuel=outcome.fuel)


def _result(outcome: Outcome, limits: Limits) -> ToolResult:
    if outcome.status != "ok":
        return ToolResult.failure(f"module.{outcome.status}", _failure(outcome))
    artifacts = _artifacts(outcome.files, limits)
    output = value_of(outcome.stdout, STDOUT_CHARS, otherwise="stdout")
    if artifacts:
        output["artifacts"] = [
            {"name": a.name, "media_type": a.media_type, "size_bytes": len(a.data)} for a in artifacts
        ]
    if outcome.stderr:
        output["stderr"] = bounded(outcome.stderr, ERROR_CHARS)
    return ToolResult.success(output, artifacts)


def _failure(outcome: Outcome) -> str:
    """What it printed before may hold the reason."""
    text = bounded(outcome.error or f"The module ended with {outcome.status}", ERROR_CHARS)
    printed = bounded((outcome.stderr + outcome.stdout).strip(), ERROR_CHARS // 4)
    return f"{text}\nPrinted before:\n{printed}" if printed else text


def _artifacts(files: Mapping[str, bytes], limits: Limits) -> tuple[Artifact, ...]:
    """What it wrote into its workspace is the user's, as long as it is not more than code may hand over."""
    made: list[Artifact] = []
    left_bytes = limits.artifact_bytes
    for path, data in files.items():
        if len(made) < limits.artifacts and len(data) <= left_bytes:
            name = bounded(path.replace("/", "-").lstrip(".-") or "file", 150)
            made.append(Artifact(name, KINDS.guess_type(name)[0] or UNKNOWN, data))
            left_bytes -= len(data)
    return tuple(made)
