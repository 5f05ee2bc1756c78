from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from workers.toolbox.errors import ArgumentsInvalid, ToolMisdeclared, ToolUnknown
from workers.toolbox.registry import Registry, Tool, ToolContext, ToolResult, load_registry

BUILT_IN = {
    "calculator", "python_executor", "file_read", "file_write", "file_list", "file_search", "file_edit", "file_delete",
    "diff_files", "json_query", "statistics", "extract_text",
}  # fmt: skip


class Mailer(Tool):
    name = "mailer"
    description = "Sends a letter."
    permissions = frozenset({"send_mail"})
    parameters = {
        "type": "object",
        "properties": {
            "to": {"type": "array", "items": {"type": "string", "minLength": 3}, "minItems": 1, "maxItems": 2},
            "tone": {"enum": ["warm", "dry"]},
            "copies": {"type": "integer", "minimum": 1, "maximum": 5},
            "paper": {
                "type": "object",
                "properties": {"weight_g": {"type": "number", "exclusiveMinimum": 0}},
                "required": ["weight_g"],
                "additionalProperties": False,
            },
        },
        "required": ["to"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        return ToolResult.success({"sent": len(arguments["to"])})


def declared(name: str, parameters: dict[str, Any]) -> Tool:
    tool = Mailer()
    tool.name, tool.parameters = name, parameters
    return tool


def refusal(arguments: object) -> ArgumentsInvalid:
    with pytest.raises(ArgumentsInvalid) as caught:
        Registry([Mailer()]).validate("mailer", arguments)
    assert caught.value.code == "tool.arguments_invalid"
    return caught.value


def test_an_unknown_tool_is_named_with_those_that_there_are() -> None:
    registry = load_registry()
    for ask in (registry.get, lambda name: registry.validate(name, {}), lambda name: registry.specs([name])):
        with pytest.raises(
            ToolUnknown, match=r"no tool called 'bash'; there are: calculator, .*python_executor, .*statistics"
        ) as caught:
            ask("bash")
        assert caught.value.code == "tool.unknown" and caught.value.name == "bash"


def test_a_tool_that_says_nothing_else_acts_and_is_free() -> None:
    tool = Mailer()
    assert (tool.effect, tool.dangerous, tool.price_usd) == ("acts", False, Decimal(0))


def test_specs_show_models_the_name_the_description_and_the_schema() -> None:
    registry = load_registry()
    assert {spec["name"] for spec in registry.specs()} >= BUILT_IN
    assert [spec["name"] for spec in registry.specs(["python_executor"])] == ["python_executor"]
    assert registry.specs([]) == []
    assert registry.specs()[0]["parameters"] == registry.get("calculator").parameters


def test_the_built_in_tools_compute_in_the_branch_of_their_kind() -> None:
    tools = [load_registry().get(name) for name in BUILT_IN]
    assert {tool.effect for tool in tools} == {"computes"} and not any(tool.dangerous for tool in tools)
    branches = {tool.name: tool.branch for tool in tools}
    assert branches.pop("python_executor") == "code_execution" and set(branches.values()) == {"data_analysis"}
    shown = {tool.name for tool in tools if tool.untrusted}
    assert shown == {"file_read", "file_list", "file_search", "diff_files", "json_query", "extract_text"}


def test_valid_arguments_pass() -> None:
    Registry([Mailer()]).validate("mailer", {"to": ["ann"], "tone": "dry", "copies": 5, "paper": {"weight_g": 0.5}})


@pytest.mark.parametrize(
    ("arguments", "field", "rule"),
    [
        ({}, "to", "to is required"),
        ({"to": "ann"}, "to", "to must be a list"),
        ({"to": []}, "to", "to must have at least 1 items|to should be non-empty"),
        ({"to": ["ann", "bob", "cat"]}, "to", "to may have at most 2 items"),
        ({"to": ["ann", "x"]}, "to.1", "to.1 must have at least 3 characters"),
        ({"to": ["ann"], "tone": "loud"}, "tone", "tone must be one of warm, dry"),
        ({"to": ["ann"], "copies": 6}, "copies", "copies must be at most 5"),
        ({"to": ["ann"], "copies": 0}, "copies", "copies must be at least 1"),
        ({"to": ["ann"], "copies": True}, "copies", "copies must be a whole number"),
        ({"to": ["ann"], "copies": 1.5}, "copies", "copies must be a whole number"),
        ({"to": ["ann"], "cc": "bob"}, "cc", "cc is not an argument of this tool"),
        ({"to": ["ann"], "paper": {}}, "paper.weight_g", "paper.weight_g is required"),
        ({"to": ["ann"], "paper": {"weight_g": 0}}, "paper.weight_g", "paper.weight_g must be more than 0"),
        (None, "arguments", "arguments must be a JSON object"),
        ([1], "arguments", "arguments must be a JSON object"),
    ],
)
def test_invalid_arguments_are_refused_by_field_and_rule(arguments: object, field: str, rule: str) -> None:
    error = refusal(arguments)
    assert error.field == field
    assert any(f"mailer: {option}" == str(error) for option in rule.split("|"))


def test_several_faults_are_told_at_once_up_to_three() -> None:
    error = refusal({"a": 1, "b": 2, "tone": "loud", "copies": 9})
    assert str(error).count(";") == 2


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("calculator", {}, "expression is required"),
        ("calculator", {"expression": ""}, "expression"),
        ("calculator", {"expression": "1" * 2001}, "expression may have at most 2000 characters"),
        ("calculator", {"expression": 1}, "expression must be text"),
        ("calculator", {"expression": "1", "precision": 16}, "precision must be at most 15"),
        ("calculator", {"expression": "1", "precision": -1}, "precision must be at least 0"),
        ("python_executor", {}, "code is required"),
        ("python_executor", {"code": "x" * 100_001}, "code may have at most 100000 characters"),
        ("python_executor", {"code": "1", "timeout_seconds": 61}, "timeout_seconds must be at most 60"),
        ("python_executor", {"code": "1", "timeout_seconds": "5"}, "timeout_seconds must be a number"),
        ("python_executor", {"code": "1", "stdin": None}, "stdin must be text"),
        ("python_executor", {"code": "1", "language": "bash"}, "language is not an argument of this tool"),
    ],
)
def test_the_built_in_tools_name_the_field_and_the_limit(name: str, arguments: object, message: str) -> None:
    with pytest.raises(ArgumentsInvalid, match=f"^{name}: {message}"):
        load_registry().validate(name, arguments)


def test_a_company_adds_its_own_tools_by_dotted_path() -> None:
    registry = load_registry(["tests.support.marker:MarkerTool"])
    assert registry.get("marker").effect == "acts"
    registry.validate("marker", {"text": "hello"})


@pytest.mark.parametrize(
    "path", ["", "nowhere", "nowhere:Tool", "tests.support.marker:Nothing", "tests.support.marker:LOG", "json:dumps"]
)
def test_a_path_that_leads_to_no_tool_stops_the_start(path: str) -> None:
    with pytest.raises(ToolMisdeclared, match=f"^{path}: "):
        load_registry([path])


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ToolMisdeclared, match="mailer: there are two tools of this name"):
        Registry([Mailer(), Mailer()])


@pytest.mark.parametrize(
    "parameters",
    [{"type": "object"}, {"type": "array", "additionalProperties": False}, {"type": "object", "properties": 3}],
    ids=["lets anything through", "not an object", "not a schema"],
)
def test_a_schema_that_is_not_fit_for_use_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ToolMisdeclared, match="^odd: parameters"):
        Registry([declared("odd", parameters)])


def test_a_name_of_hartleys_own_is_refused() -> None:
    with pytest.raises(ToolMisdeclared, match="weigh_evidence: this name is Hartley's own"):
        Registry([declared("weigh_evidence", Mailer.parameters)])
