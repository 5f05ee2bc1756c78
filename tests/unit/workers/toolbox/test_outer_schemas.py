"""Schemas from outside: what is kept, what is dropped, and what can't be made fit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from webapp.tool_modules.rules import KEYWORDS
from workers.toolbox.arguments import validator
from workers.toolbox.outer_schemas import NODES, SCHEMA_BYTES, Unfit, fit


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def one(schema: Any, **more: Any) -> Any:
    """What becomes of one property."""
    return fit({**of(a=schema), **more})["properties"]["a"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"type": "string", "pattern": "(a+)+$", "format": "uri"}, {"type": "string"}),
        ({"type": "integer", "minimum": 1, "maximum": "9"}, {"type": "integer", "minimum": 1}),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, {"type": "number", "exclusiveMinimum": 0}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": ["string", "null"]}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"type": ["integer", "string"]}),
        ({"oneOf": [{"const": 1}, {"const": "b"}]}, {"enum": [1, "b"]}),
        ({"anyOf": [of(x={}), of(y={})]}, {"type": "object"}),
        ({"type": "file"}, {}),
        (True, {}),
        ({"enum": []}, {}),
        ({"type": "string", "minLength": -1, "maxLength": 2.5}, {"type": "string"}),
    ],
)
def test_what_is_checked_in_bounded_time_is_kept(given: Any, wanted: Any) -> None:
    assert one(given) == wanted


def test_all_of_is_one_schema_and_references_are_followed() -> None:
    base = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    whole = {"allOf": [{"$ref": "#/$defs/base"}, {"properties": {"name": {"type": "string"}}, "required": ["name"]}]}
    made = one(whole, **{"$defs": {"base": base}})
    assert made["required"] == ["id", "name"] and set(made["properties"]) == {"id", "name"}


def test_what_only_answers_have_is_not_asked_for() -> None:
    made = fit({**of(id={"type": "integer", "readOnly": True}, name={}), "required": ["id", "name", "gone"]})
    assert set(made["properties"]) == {"name"} and made["required"] == ["name"]


def test_a_schema_that_holds_itself_ends() -> None:
    made = fit({**of(left={"$ref": "#"}), "description": "a tree"})
    assert json.dumps(made).count("left") < 20
    validator("tree", made)


def _words(schema: Any) -> set[str]:
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return set(schema).union(*(_words(each) for each in inner if isinstance(each, dict)))


def test_nothing_but_known_words_is_left() -> None:
    odd = {"$dynamicRef": "#x", "if": {}, "patternProperties": {"(a+)+": {}}, "uniqueItems": True, "not": {}, "x-a": 1}
    made = fit({**of(a={**odd, "items": {**odd, "type": "string"}}, b={"additionalProperties": odd}), **odd})
    assert _words(made) <= KEYWORDS
    validator("odd", made)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (["no"], "no schema of an object"),
        ({"type": "array"}, "not an object"),
        (of(a={"$ref": "other.json#/a"}), "another document"),
        (of(a={"$ref": "#/nowhere"}), "points at nothing"),
        ({**of(a={"$ref": "#/x"}), "x": {"$ref": "#/y"}, "y": {"$ref": "#/x"}}, "point at each other"),
        (of(**{f"a{n}": {"type": "string"} for n in range(101)}), "101 properties"),
        (of(a=of(**{f"b{n}": of(c={}, d={}, e={}, f={}) for n in range(99)})), f"more than {NODES} parts"),
        (of(a={"enum": ["x" * SCHEMA_BYTES]}), f"the limit is {SCHEMA_BYTES}"),
        (of(a={"enum": [1e400]}), "not well-formed"),
    ],
)
def test_what_can_not_be_made_fit_is_told(schema: Any, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        fit(schema)


def test_descriptions_go_before_the_tool_does() -> None:
    made = fit(of(**{f"a{n}": {"type": "string", "title": "t", "description": "d" * 400} for n in range(60)}, title={}))
    assert made["properties"]["a1"] == {"type": "string"} and "title" in made["properties"]
