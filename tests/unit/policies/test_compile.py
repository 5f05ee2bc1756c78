from __future__ import annotations

import pytest

from policies.engine import PolicyInvalid, compile_bundle, decide, default_modules

HEAD = "package hartley.tool_call\nimport rego.v1\n"
DENY = 'default decision := {"effect": "deny", "rule": "own", "reasons": []}\n'


def refusal(source: str, tests: dict[str, str] | None = None) -> str:
    with pytest.raises(PolicyInvalid) as caught:
        compile_bundle({**default_modules(), "tool_call.rego": source}, tests)
    assert caught.value.code == "policy.invalid"
    return str(caught.value)


def test_a_syntax_error_names_the_module_and_the_line() -> None:
    assert refusal(HEAD + "\n# é\ndecision := {").startswith("tool_call.rego line 5: ")


@pytest.mark.parametrize(
    "rules",
    [
        "other := 1",
        "decision := nosuch(input)",
        "decision := other\nother := decision",
        'default decision := {"effect": "allow", "rule": "all", "reasons": []}',
        'decision := {"effect": "deny", "rule": "x", "reasons": []} if input.a',
        "default decision := false",
    ],
    ids=["missing", "unknown function", "recursion", "default allow", "undefined", "wrong shape"],
)
def test_a_module_that_does_not_deny_an_empty_input_is_refused(rules: str) -> None:
    assert "hartley.tool_call.decision does not deny an empty input" in refusal(HEAD + rules)


def test_a_decision_point_without_a_module_is_refused() -> None:
    modules = default_modules()
    del modules["model_call.rego"]
    with pytest.raises(PolicyInvalid, match="hartley.model_call.decision"):
        compile_bundle(modules)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("secrets := opa.runtime().env", "line 4: the word opa is not allowed"),
        ('secrets := opa["runtime"]()', "line 4: the word opa is not allowed"),
        ("odd if { other with input as {} }", "line 4: `with` is not allowed"),
        ('odd if {\n\tevery w in ["a"] {\n\t\tnot contains(input.x, w)\n\t}\n}', "`not` is overlooked inside `every`"),
    ],
)
def test_what_is_unsafe_in_this_engine_is_refused_with_its_line(rule: str, reason: str) -> None:
    assert reason in refusal(HEAD + DENY + rule + "\n")


def test_a_failing_test_is_named_with_what_was_answered() -> None:
    tests = {
        "t_test.rego": 'package hartley.tool_call_test\nimport rego.v1\ntest_a := {"input": {}, "effect": "allow", "rule": "x"}\n'
    }
    assert "tool_call_test.test_a: expected allow by x, got deny by own" in refusal(HEAD + DENY, tests)


@pytest.mark.parametrize("value", ["true", "1/0", '{"input": {}, "effect": "deny"}'])
def test_a_test_of_another_shape_fails(value: str) -> None:
    tests = {"t_test.rego": f"package hartley.tool_call_test\nimport rego.v1\ntest_a := {value}\n"}
    assert "test_a: its value is not an object of input, effect and rule" in refusal(HEAD + DENY, tests)


def test_a_test_module_without_tests_or_with_a_foreign_package_is_refused() -> None:
    assert "no rule called test_" in refusal(HEAD + DENY, {"t_test.rego": "package hartley.tool_call_test\nx := 1\n"})
    assert "the package must be one of" in refusal(HEAD + DENY, {"t_test.rego": "package acme\ntest_a := 1\n"})


def test_the_revision_follows_the_sources_and_not_their_order() -> None:
    modules = default_modules()
    revision = compile_bundle(modules).revision
    assert compile_bundle(dict(reversed(modules.items()))).revision == revision
    assert compile_bundle({**modules, "limits.rego": modules["limits.rego"] + "\n"}).revision != revision


def test_limits_are_data_that_another_module_may_tighten() -> None:
    modules = default_modules()
    modules["limits.rego"] = modules["limits.rego"].replace("query_chars := 200000", "query_chars := 10")
    asked = {
        "principal": {
            "tenant_id": "t",
            "user_id": "u",
            "role": "owner",
            "scopes": ["workflows:write"],
            "permissions": [],
        },
        "task": {"query_chars": 11, "attachments": 0, "complexity": 0.1},
    }
    decision = decide(compile_bundle(modules), "task_admission", [asked])[0]
    assert (decision.effect, decision.rule) == ("deny", "task.query")
    assert decision.reasons == ("a question may have at most 10 characters",)
