"""Which schemas OpenAI may be asked to keep to strictly: it refuses a request with any other."""

from __future__ import annotations

import pytest

from workers.gateway.providers.openai_prompt import may_be_strict

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({**CLOSED, "properties": {"a": {"type": "array", "items": CLOSED}}}, True),
        ({**CLOSED, "properties": {"a": {"anyOf": [CLOSED, {"type": "null"}]}}}, True),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "properties": {"a": {"type": "object"}}}, False),
        ({**CLOSED, "properties": {"a": {"type": "string", "minLength": 1}}}, False),
        ({**CLOSED, "properties": {"minLength": {"type": "string"}}, "required": ["minLength"]}, True),
        ({**CLOSED, "$defs": {"b": {"type": "object"}}}, False),
    ],
)
def test_only_closed_objects_with_all_keys_required_are_strict(schema, strict):
    assert may_be_strict(schema) is strict
