"""Schemas from outside: what is kept, what is dropped, and what can't be made fit."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings as examples
from hypothesis import strategies as some
from jsonschema import Draft202012Validator

from webapp.tool_modules.rules import KEYWORDS
from workers.toolbox.arguments import validator
from workers.toolbox.outer_schemas import GIVEN_BYTES, NODES, SCHEMA_BYTES, VALUE_BYTES, Unfit, fit


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


def repeated(**definitions: Any) -> dict[str, Any]:
    """A schema that says each definition a hundred times."""
    return {
        **of(**{f"a{n}": {"$ref": f"#/$defs/{name}"} for name in definitions for n in range(99)}),
        "$defs": definitions,
    }


NESTED = {"allOf": [{"allOf": [{"$ref": "#/$defs/wide"}] * 19}] * 19}


@pytest.mark.parametrize(
    ("bomb", "words"),
    [
        (of(a={"enum": ["x" * GIVEN_BYTES]}), f"more than {GIVEN_BYTES} bytes"),
        (repeated(word={"enum": ["x" * 1000]}), f"more than {VALUE_BYTES} bytes"),
        (repeated(word={"default": {"a": ["x" * 1000]}}), f"more than {VALUE_BYTES} bytes"),
        ({**NESTED, "$defs": {"wide": of(**{f"a{n}": {} for n in range(9_000)})}}, "more than 1000 properties"),
        ({**NESTED, "$defs": {"wide": of(**{f"a{n}": {} for n in range(400)})}}, f"more than {NODES} parts"),
    ],
    ids=["large", "values repeated", "defaults repeated", "merged", "merged often"],
)
def test_a_schema_that_grows_is_refused_before_it_has_grown(bomb: Any, words: str) -> None:
    began = time.process_time()
    with pytest.raises(Unfit, match=words):
        fit(bomb)
    assert time.process_time() - began < 2  # it took minutes, and a gigabyte


WORDS = ("type", "properties", "items", "required", "enum", "const", "default", "minimum", "exclusiveMinimum", "maxLength",
         "minItems", "nullable", "title", "additionalProperties", "allOf", "anyOf", "oneOf", "$ref")  # fmt: skip
LEAVES = some.sampled_from([None, True, False, 0, -1, 2.5, float("nan"), "", "object", "string", "#", "#/properties/a"])
SCHEMAS = some.recursive(
    LEAVES,
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from([*WORDS, "a"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@examples(max_examples=60, deadline=None, database=None)
@for_all(some.dictionaries(some.sampled_from(WORDS), SCHEMAS, max_size=6))
def test_whatever_is_made_fit_is_well_formed(schema: dict[str, Any]) -> None:
    """For nothing looks it through again."""
    try:
        made = fit(schema)
    except Unfit:
        return
    Draft202012Validator.check_schema(made)
    validator("made", made, is_fitted=True)
