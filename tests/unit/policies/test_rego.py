"""Hartley's own modules pass the tests that stand beside them, and those tests can fail."""

from __future__ import annotations

import pytest

from policies.engine import PolicyInvalid, compile_bundle, default_modules, default_tests

POINTS = ("task_admission", "model_call", "tool_call")


def test_the_default_modules_pass_their_own_tests() -> None:
    assert compile_bundle(default_modules(), default_tests()).revision


@pytest.mark.parametrize("point", POINTS)
def test_every_decision_point_has_tests_beside_it(point: str) -> None:
    assert default_tests()[f"{point}_test.rego"].count("\ntest_") >= 10


@pytest.mark.parametrize(
    ("module", "rule", "loosened", "broken"),
    [
        ("tool_call", 'forbidden_words := {"subprocess", ', 'forbidden_words := {', "test_code_may_not_name_subprocess"),
        ("tool_call", 'met contains "tool.permissions" if', 'met contains "tool.permissions" if true\n\nmet contains "x" if', "test_demanded_permissions_must_be_held"),
        ("tool_call", "input.tool.dangerous == false", "is_boolean(input.tool.dangerous)", "test_a_dangerous_tool_needs_approval"),
        ("principal", '"owner"}\n}\n\nadministrator', '"owner", "guest"}\n}\n\nadministrator', "test_guests_may_not_calculate"),
        ("limits", "query_chars := 200000", "query_chars := 200001", "test_a_long_question_is_refused"),
        ("limits", "call_usd := 5", "call_usd := 50", "test_a_dear_call_is_refused"),
    ],
)  # fmt: skip
def test_a_loosened_module_fails_a_test_that_is_named(module: str, rule: str, loosened: str, broken: str) -> None:
    modules = default_modules()
    source = modules[f"{module}.rego"]
    assert rule in source
    modules[f"{module}.rego"] = source.replace(rule, loosened, 1)
    with pytest.raises(PolicyInvalid, match=f"{broken}: expected .* got "):
        compile_bundle(modules, default_tests())
