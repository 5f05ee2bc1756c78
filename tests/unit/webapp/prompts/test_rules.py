"""What a prompt template may say, and how it is filled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.common.errors import Invalid
from webapp.prompts.release import all_shipped
from webapp.prompts.rules import KINDS, PLACEHOLDER, check, check_parameters, fill, fill_own, parameters, preview

PIECES = st.sampled_from(
    ["{role}", "{params.tone}", "{nobody}", "{role.__class__}", "{params.__init__}", "{0}", "{}", "{{", "}}", '{"a": 1}',
     "%(role)s", "${role}", "{role!r}", "{role:>9}", "text", "\\", "\n"]
)  # fmt: skip
LIMIT = 20_000


@pytest.mark.parametrize("name", KINDS)
def test_what_is_shipped_keeps_the_rules(name: str) -> None:
    check(name, all_shipped()[name], LIMIT)


def test_the_shipped_prompts_begin_as_the_scripted_model_server_knows_them() -> None:
    """It tells roles apart by these words, since it sees nothing else of a call."""
    starts = {"planner": "You are the planner", "agent": "You are an agent", "editor": "You are the editor"}
    assert all(all_shipped()[name].startswith(words) for name, words in starts.items())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("nobody", "x", "name: must be one of planner, agent"),
        ("agent", " \n", "text: is required"),
        ("agent", "{role}" + "x" * LIMIT, "text: has 20006 characters; the limit is 20000"),
        ("agent", "Do it.", "text: {role} is missing"),
        ("agent", "{role} {Role}", "text: {Role} is unknown; it may have {role}, {params.name}"),
        ("agent", "{role} {role.__class__}", "text: {role.__class__} is unknown"),
        ("agent", "{role} {params.__class__}", "text: {params.__class__} is unknown"),
        ("agent", "{role} {params.a.b}", "text: {params.a.b} is unknown"),
        ("agent", "{role}\0", "text: has characters that can't be stored"),
        ("agent", "{role}\ud800", "text: has characters that can't be stored"),
        ("editor", "{limit}", "text: {limit} is unknown"),
        ("planner", "Up to {limit} parts", 'text: must say "subtasks"'),
    ],
)
def test_a_refusal_names_the_field_and_what_is_wrong(name: str, text: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(name, text, LIMIT)
    assert str(refused.value).startswith(said)


def test_other_braces_are_text() -> None:
    text = 'For {role}: {"a": {}} {{x} } {0} { role } {role!r} ${HOME}'
    check("agent", text.replace("{HOME}", "HOME").replace("{x}", "x"), LIMIT)
    assert fill('{role} {"a": {}} {0} { role }', {"role": "R"}, {}) == 'R {"a": {}} {0} { role }'


@given(st.lists(PIECES), st.text(), st.text())
def test_only_what_is_known_is_filled_in_and_what_a_value_says_stays_as_it_is(
    pieces: list[str], role: str, tone: str
) -> None:
    filled = fill("".join(pieces), {"role": role}, {"tone": tone})
    expected, at = "", 0
    text = "".join(pieces)
    for match in PLACEHOLDER.finditer(text):
        known = {"{role}": role, "{params.tone}": tone}.get(match[0], match[0])
        expected, at = expected + text[at : match.start()] + known, match.end()
    assert filled == expected + text[at:]


@given(st.text(alphabet="{}rolepams._ \"':!0x"))
def test_no_text_breaks_the_rules_or_reaches_into_a_value(text: str) -> None:
    """Whatever is typed: it is refused by name, or it is filled in with values alone."""
    try:
        check("agent", text, LIMIT)
    except Invalid:
        pass
    else:
        assert "{role}" in text
    assert "class" not in fill(text, {"role": ""}, {})


def test_a_parameter_that_is_not_given_is_empty() -> None:
    assert parameters("{params.tone} {params.tone} {params.x1}") == ["tone", "x1"]
    assert (
        fill("[{params.tone}]", {}, {}) == "[]" and preview("editor", "In a {params.tone} tone") == "In a [tone] tone"
    )


def test_a_callers_own_prompt_takes_only_what_is_given() -> None:
    given = {"tone": "${length} {role}"}
    assert (
        fill_own("${tone} ${length} ${HOME} $tone {tone}", given) == "${length} {role} ${length} ${HOME} $tone {tone}"
    )


def test_parameters_that_nothing_uses_are_named() -> None:
    check_parameters({"tone": "dry"}, ["{params.tone} {params.length}"])
    with pytest.raises(Invalid, match=r"context.prompt_params: unknown: colour, toon; .* use length, tone"):
        check_parameters({"toon": "dry", "colour": "red", "tone": "x"}, ["{params.tone}", "{params.length}"])
    check_parameters({"tone": "dry"}, [], own="In a ${tone} tone")
    with pytest.raises(Invalid, match="no prompt in force uses any"):
        check_parameters({"tone": "dry"}, ["none"])
