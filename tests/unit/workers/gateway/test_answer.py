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
