"""Whether an answer is the JSON that was asked for."""

from __future__ import annotations

import pytest

from workers.gateway.answer import bare, fault, rules_of
from workers.gateway.errors import ModelRefused

NAMED_PATTERN = {"type": "object", "properties": {"pattern": {"const": {"pattern": 1}}}}


def test_a_fence_around_the_answer_is_taken_off_and_others_stay():
    assert bare('```json\n{"a": 1}\n```\n') == '{"a": 1}'
    assert bare('So: ```json\n{"a": 1}\n```') == 'So: ```json\n{"a": 1}\n```'


@pytest.mark.parametrize("text", ["", "{", "NaN", "[" * 100_000])
def test_what_is_no_json_is_told(text):
    assert fault(text, rules_of({})) == "it is not JSON"


def test_a_key_that_is_called_pattern_is_no_pattern():
    assert fault('{"pattern": {"pattern": 1}}', rules_of(NAMED_PATTERN)) is None


@pytest.mark.parametrize("place", [{"items": {"pattern": "a"}}, {"anyOf": [{"patternProperties": {}}]}])
def test_a_pattern_anywhere_is_refused(place):
    with pytest.raises(ModelRefused, match="pattern"):
        rules_of(place)


def test_a_reference_to_another_document_is_not_followed():
    assert "refers to what is not there" in str(fault("1", rules_of({"$ref": "http://127.0.0.1:9/schema"})))


def nested(levels: int) -> dict:
    """Each level refers twice to the one before."""
    twice = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n - 1}"}] * 2} for n in range(1, levels)}
    return {"$defs": {"a0": {"type": "integer"}, **twice}, "$ref": f"#/$defs/a{levels - 1}"}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (nested(30), "more than 2000 places"),
        ({"allOf": [{}] * 2500}, "more than 2000 places"),
        ({"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}, "refers to itself"),
        ({"$ref": "#"}, "refers to itself"),
        ({"description": "x" * 40_000}, "the limit is 32768"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems is not allowed"),
    ],
)
def test_a_schema_whose_check_could_hold_up_others_is_refused(schema, why):
    with pytest.raises(ModelRefused, match=why):
        rules_of(schema)


def test_references_within_bounds_are_followed():
    rules = rules_of(nested(5))
    assert fault("1", rules) is None and fault('"x"', rules) is not None


def test_a_long_answer_to_a_wide_schema_is_not_checked():
    wide = rules_of({"items": {"anyOf": [{"const": n} for n in range(400)]}})
    assert fault(f"[{'1,' * 20_000}1]", wide) == "it is too long to be checked against this schema"


@pytest.mark.parametrize("text", ["```" + "\n" * 100_000, "```\n```", "```"])
def test_a_fence_without_an_end_is_looked_through_once(text):
    assert fault(bare(text), rules_of({})) == "it is not JSON"
