"""A tenant's module as a tool: what it is given, and what of its outcome the model sees."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sandbox.errors import ModuleRefused, SandboxError
from sandbox.job import ModuleJob
from sandbox.keeper import Outcome
from sandbox.limits import MIB
from tests.unit.workers.toolbox.conftest import MakeContext, ScriptedSandbox
from workers.toolbox.module_tool import ModuleTool
from workers.toolbox.registry import ToolResult, load_registry

Ran = Callable[[Outcome], Awaitable[tuple[ToolResult, ScriptedSandbox]]]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


async def native() -> bytes:
    return b"native"


def tool(name: str = "shape", code: Any = native) -> ModuleTool:
    return ModuleTool(name=name, description="Shapes.", parameters=SCHEMA, version="3", code=code)


@pytest.fixture
def ran(context: MakeContext) -> Ran:
    async def run(outcome: Outcome) -> tuple[ToolResult, ScriptedSandbox]:
        sandbox = ScriptedSandbox(outcome)
        return await tool().run({"n": 1}, context(sandbox, {"a": b"1"})), sandbox

    return run


async def test_arguments_go_in_as_json_twice_with_files(ran: Ran) -> None:
    _, sandbox = await ran(Outcome("ok"))
    [(job, _)] = sandbox.jobs
    assert isinstance(job, ModuleJob)
    assert (job.native, job.arguments, job.stdin) == (b"native", ("shape", '{"n": 1}'), '{"n": 1}')
    assert job.files == {"a": b"1"}


@pytest.mark.parametrize(
    ("stdout", "shown"),
    [
        ('{"a": [1, null]}\n', {"value": {"a": [1, None]}}),
        ("42", {"value": 42}),
        ("two words\n", {"stdout": "two words\n"}),
        ("", {"stdout": ""}),
        ("NaN", {"stdout": "NaN"}),
        ('{"a": 1e999}', {"stdout": '{"a": 1e999}'}),
        ('"a\\u0000\\ud800"', {"value": "a\ufffd?"}),
        ("[" * 20_000, {"stdout": "[" * 20_000}),
    ],
)
async def test_what_it_prints_is_the_result_as_json_where_that_can_be_stored(
    stdout: str, shown: dict[str, Any], ran: Ran
) -> None:
    result, _ = await ran(Outcome("ok", stdout=stdout))
    assert result.ok and result.output == {"ok": True, **shown}
    json.dumps(result.output, allow_nan=False).encode()


async def test_a_long_text_is_cut_and_stderr_is_shown(ran: Ran) -> None:
    result, _ = await ran(Outcome("ok", stdout="1" * 200_000, stderr="careful"))
    assert len(result.output["stdout"]) < 61_000 and "cut" in result.output["stdout"]
    assert result.output["stderr"] == "careful"


async def test_files_that_it_wrote_are_handed_over_within_limits(ran: Ran) -> None:
    files = {"a/b.csv": b"1", "odd": b"2", "-rf": b"", "large": bytes(9 * MIB)}
    result, _ = await ran(Outcome("ok", files=files | {f"f{n}": b"" for n in range(30)}))
    assert [made.name for made in result.artifacts[:3]] == ["a-b.csv", "odd", "rf"]
    assert [made.media_type for made in result.artifacts[:2]] == ["text/csv", "application/octet-stream"]
    assert len(result.artifacts) == 20 and "large" not in {made.name for made in result.artifacts}


async def test_a_failure_has_its_code_its_reason_and_what_was_printed(ran: Ran) -> None:
    outcome = Outcome("timeout", stdout="got to 3", error="The code ran longer than 30 s.", files={"half": b"1"})
    result, _ = await ran(outcome)
    assert result.error and result.error.code == "module.timeout" and not result.artifacts
    assert result.error.message == "The code ran longer than 30 s.\nPrinted before:\ngot to 3"


async def test_a_module_that_is_gone_is_a_failure_and_no_sandbox_is_the_platforms(context: MakeContext) -> None:
    async def gone() -> bytes:
        raise ModuleRefused("It was removed.")

    result = await tool(code=gone).run({}, context(ScriptedSandbox(Outcome("ok"))))
    assert result.error and (result.error.code, result.error.message) == ("module.refused", "It was removed.")
    with pytest.raises(SandboxError):
        await tool().run({}, context())


def test_a_tenants_tool_never_takes_the_place_of_hartleys_own() -> None:
    usual = load_registry()
    more = usual.with_more([tool(), tool("calculator"), tool("weigh_evidence")])
    assert more.get("shape").version == "3" and not isinstance(more.get("calculator"), ModuleTool)
    assert [spec["name"] for spec in more.specs()] == [*(spec["name"] for spec in usual.specs()), "shape"]
    assert usual.with_more([]) is usual and not usual.is_free("calculator") and usual.is_free("shape")
