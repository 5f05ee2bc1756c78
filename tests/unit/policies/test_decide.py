from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import inputs
from policies.ask import INPUT_LIMIT_BYTES
from policies.decision import POINTS, read_answer
from policies.engine import Bundle, Point, compile_bundle, decide, default_modules, input_hash

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KNOWN_KEYS = (
    "principal",
    "task",
    "model",
    "tool",
    "tenant_id",
    "user_id",
    "role",
    "scopes",
    "permissions",
    "name",
    "effect",
)
JUNK = st.dictionaries(
    st.sampled_from(KNOWN_KEYS) | st.text(max_size=5),
    JSON_VALUES | st.dictionaries(st.sampled_from(KNOWN_KEYS), JSON_VALUES | st.just("owner"), max_size=6),
    max_size=5,
)
ECHO = """
decision := {"effect": "allow", "rule": "echo", "reasons": [input.text]} if is_string(input.text)

decision := {"effect": "allow", "rule": "echo", "reasons": [sprintf("%v", [input.number])]} if is_number(input.number)
"""


def tool_call(name: str = "calculator", *, role: str = "user", **change: Any) -> dict[str, Any]:
    asked = inputs.tool_call(
        principal=inputs.principal(tenant_id="t1", user_id="u1", role=role, scopes=[], permissions=["code_execution"]),
        task=inputs.task(id="k1", mode="simple", query_chars=10, attachments=0, complexity=0.1),
        tool=inputs.tool(
            name=name, effect="computes", dangerous=False, permissions=[], arguments={"expression": "1+1"}
        ),
    )
    return {**asked, **change}


def test_a_decision_carries_the_rule_the_revision_and_the_hash_of_what_it_was_made_on(bundle: Bundle) -> None:
    decision = decide(bundle, "tool_call", [tool_call()])[0]
    assert (decision.effect, decision.rule, decision.reasons) == ("allow", "tool.member", ())
    assert decision.revision == bundle.revision
    assert decision.input_sha256 == input_hash(tool_call())


def test_a_batch_is_answered_in_order(bundle: Bundle) -> None:
    asked = [tool_call(role=role) for role in ("user", "guest", "owner", "", "admin")]
    assert [d.effect for d in decide(bundle, "tool_call", asked)] == ["allow", "deny", "allow", "deny", "allow"]
    assert decide(bundle, "tool_call", []) == []


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert input_hash({"a": 1, "b": {"c": 2, "d": 3}}) == input_hash({"b": {"d": 3, "c": 2}, "a": 1})
    assert input_hash({"a": 1}) != input_hash({"a": 2})


@given(asked=JUNK, point=st.sampled_from(POINTS))
@settings(max_examples=300, deadline=None)
def test_junk_is_denied(bundle: Bundle, asked: dict[str, Any], point: Point) -> None:
    decision = decide(bundle, point, [asked])[0]
    assert decision.effect == "deny" and decision.reasons


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", Decimal(1), b"x", {1, 2}, {(1, 2): 3}], ids=repr
)
def test_what_is_not_json_is_denied_by_default(bundle: Bundle, value: object) -> None:
    decision = decide(bundle, "tool_call", [tool_call(extra=value)])[0]
    assert (decision.effect, decision.rule, decision.input_sha256) == ("deny", "default.deny", "")
    assert decision.reasons[0].startswith("the input can't be written as JSON")


def test_a_huge_input_is_denied_by_default(bundle: Bundle) -> None:
    decision = decide(bundle, "tool_call", [tool_call(extra="x" * INPUT_LIMIT_BYTES)])[0]
    assert (decision.effect, decision.rule) == ("deny", "default.deny")
    assert str(INPUT_LIMIT_BYTES) in decision.reasons[0]


def test_an_endlessly_deep_input_is_denied_by_default(bundle: Bundle) -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert decide(bundle, "tool_call", [tool_call(extra=deep)])[0].rule == "default.deny"


@pytest.mark.parametrize(
    "rules",
    [
        'decision := {"effect": "allow", "rule": "a", "reasons": []} if input.go\ndecision := {"effect": "deny", "rule": "b", "reasons": []} if input.go',
        'decision := {"effect": "permit", "rule": "a", "reasons": []} if input.go',
        'decision := {"effect": "allow", "rule": "a"} if input.go',
        'decision := {"effect": "allow", "rule": "a", "reasons": [], "also": 1} if input.go',
        'decision := {"effect": "allow", "rule": "", "reasons": []} if input.go',
        'decision := {"effect": "allow", "rule": "a", "reasons": [1]} if input.go',
        'decision := {"effect": ["allow"], "rule": "a", "reasons": []} if input.go',
        "decision := true if input.go",
        'decision := "allow" if input.go',
        "decision := nosuch(1) if input.go",
    ],
    ids=["conflict", "effect", "no reasons", "more keys", "no rule", "reason type", "effect type", "true", "text",
         "unknown function"],
)  # fmt: skip
def test_an_answer_that_is_not_well_formed_is_a_denial(draft: Any, rules: str) -> None:
    decision = decide(draft(rules), "tool_call", [{"go": True}])[0]
    assert (decision.effect, decision.rule) == ("deny", "default.deny")
    assert len(decision.reasons) == 1 and decision.reasons[0]


def test_a_failure_leaves_nothing_behind_for_the_next_input(draft: Any) -> None:
    bundle = draft('decision := {"effect": "allow", "rule": "a", "reasons": [x | some x in nosuch(1)]} if input.go')
    assert [d.rule for d in decide(bundle, "tool_call", [{"go": True}, {}, {"go": True}, {}])] == [
        "default.deny", "own", "default.deny", "own",
    ]  # fmt: skip


def test_an_unknown_decision_point_is_denied(bundle: Bundle) -> None:
    unknown: Any = "output_release"
    assert decide(bundle, unknown, [{}])[0].rule == "default.deny"


@given(text=st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_the_policy_sees_text_exactly_as_it_is(text: str) -> None:
    """Quotes, backslashes, NUL, control characters: what is judged is what will run."""
    decision = decide(_echo(), "tool_call", [{"text": text}])[0]
    assert (decision.effect, decision.reasons) == ("allow", (text,))


@given(number=st.integers(-(10**30), 10**30))
@settings(max_examples=100, deadline=None)
def test_the_policy_sees_whole_numbers_exactly_as_they_are(number: int) -> None:
    decision = decide(_echo(), "tool_call", [{"number": number}])[0]
    assert decision.reasons == (str(number),)


@pytest.mark.parametrize(
    "hidden", ["x = 1\0\nimport subprocess", 'a = "\\"\nimport subprocess', "\u2028subprocess\u202e"]
)
def test_forbidden_words_are_found_behind_odd_characters(bundle: Bundle, hidden: str) -> None:
    asked = tool_call("python_executor", role="owner")
    asked["tool"] = {**asked["tool"], "arguments": {"code": hidden}}
    assert decide(bundle, "tool_call", [asked])[0].rule == "tool.code_words"


def test_four_threads_get_two_thousand_right_answers_each(bundle: Bundle) -> None:
    asked = [tool_call(role=role) for role in ("user", "guest", "owner", "nobody")]
    expected = ["allow", "deny", "allow", "deny"]

    def work(_: int) -> int:
        return sum([d.effect for d in decide(bundle, "tool_call", asked)] == expected for _ in range(500))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(work, range(4))) == [500] * 4


def test_two_bundles_can_be_asked_in_turn_by_one_thread(bundle: Bundle, draft: Any) -> None:
    other = draft('decision := {"effect": "allow", "rule": "b", "reasons": []} if input.principal.role == "guest"')
    asked = [tool_call(role="guest")]
    rules = [decide(b, "tool_call", asked)[0].rule for b in (bundle, other, bundle, other)]
    assert rules == ["tool.granted", "b", "tool.granted", "b"]


@given(printed=st.text(max_size=60) | JSON_VALUES.map(json.dumps))
@settings(max_examples=300, deadline=None)
def test_no_odd_output_of_the_engine_is_read_as_an_answer(printed: str) -> None:
    with pytest.raises(ValueError):
        read_answer(printed)


_ECHO: list[Bundle] = []


def _echo() -> Bundle:
    if not _ECHO:
        head = 'package hartley.tool_call\nimport rego.v1\ndefault decision := {"effect": "deny", "rule": "own", "reasons": []}\n'
        _ECHO.append(compile_bundle({**default_modules(), "tool_call.rego": head + ECHO}))
    return _ECHO[0]
