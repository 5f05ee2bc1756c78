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
from workers.toolbox.outer_schemas import GIVEN_BYTES, NODES, PARTS, SCHEMA_BYTES, VALUE_BYTES, Unfit, fit, visible


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
        ({"type": "file"}, {}),
        (True, {}),
        ({"enum": []}, {}),
        ({"type": "string", "minLength": -1, "maxLength": 2.5}, {"type": "string"}),
    ],
)
def test_what_is_checked_in_bounded_time_is_kept(given: Any, wanted: Any) -> None:
    assert one(given) == wanted


SHORT, SMALL = {"type": "string", "maxLength": 3}, {"type": "integer", "maximum": 9}
NEEDS_X = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
NEEDS_Y = {"type": "object", "properties": {"y": {"type": "integer"}}, "required": ["y"]}
AT_LEAST, AT_MOST = {"type": "integer", "minimum": 2}, {"type": "integer", "minimum": 1, "maximum": 5}


@pytest.mark.parametrize(
    ("given", "takes", "refuses"),
    [
        ({"anyOf": [SHORT, SMALL]}, ["abc", 9], ["abcd", 10, None, []]),
        ({"oneOf": [NEEDS_X, NEEDS_Y]}, [{"x": 1}, {"y": 1}], [{}, {"x": "1"}, {"x": 1, "y": 1}]),
        ({**of(x={}, y={}), "oneOf": [{"required": ["x"]}, {"required": ["y"]}]}, [{"x": 1}], [{}, {"x": 1, "y": 1}]),
        ({"nullable": True, "oneOf": [SHORT, SMALL]}, [None, 1], ["abcd"]),
        ({"oneOf": [SHORT, {"type": "null"}, SMALL]}, [None, 1], ["abcd", 10]),
        ({"allOf": [AT_LEAST, AT_MOST]}, [2, 5], [1, 6, "2"]),
        ({"allOf": [NEEDS_X, {"properties": {"x": {"minimum": 3}}}]}, [{"x": 3}], [{"x": 2}, {}]),
        ({"allOf": [{"anyOf": [SHORT, SMALL]}, {"anyOf": [{"const": "abc"}, AT_LEAST]}]}, ["abc", 2], ["ab", 1, 10]),
        ({"type": "array", "items": {"anyOf": [SHORT, NEEDS_X]}}, [["abc", {"x": 1}]], [["abcd"], [{}], "abc"]),
        ({"anyOf": [SHORT, {"anyOf": [SMALL, NEEDS_Y]}]}, ["abc", {"y": 2}], [10, {}]),
    ],
)
def test_what_a_choice_says_is_kept(given: Any, takes: list[Any], refuses: list[Any]) -> None:
    made = fit(of(a=given))
    assert fit(made) == made, "it is made fit twice: by the document's reader, and for the tool"
    rules = validator("choice", made)
    assert [value for value in takes if not rules.is_valid({"a": value})] == []
    assert [value for value in refuses if rules.is_valid({"a": value})] == []


@pytest.mark.parametrize(
    "dropped",
    [{"pattern": "^a"}, {"format": "date"}, {"not": {"const": "b"}}, {"$ref": "#/$defs/odd"}],
)
def test_where_a_limit_was_dropped_one_of_is_any_of(dropped: Any) -> None:
    """Both would fit what the source takes as one of them."""
    schema = of(a={"oneOf": [{"type": "string", **dropped}, {"type": "string", "maxLength": 1}]})
    made = fit({**schema, "$defs": {"odd": {"type": "string", "pattern": "^a"}}})
    validator("choice", made).validate({"a": "a"})
    assert "anyOf" in made["properties"]["a"] and "oneOf" not in made["properties"]["a"]


def test_a_choice_that_forbids_what_stands_beside_it_is_not_taken_at_its_word() -> None:
    closed = {**NEEDS_X, "additionalProperties": False}
    rules = validator("choice", fit(of(a={**of(id={"type": "integer"}), "oneOf": [closed, NEEDS_Y]})))
    assert rules.is_valid({"a": {"id": 1, "x": 1}}) and not rules.is_valid({"a": {"id": 1}})


def test_of_a_choice_at_the_top_all_properties_can_be_given() -> None:
    made = fit({"oneOf": [NEEDS_X, {"allOf": [NEEDS_Y, of(z={})]}], "properties": {"k": {"type": "string"}}})
    assert set(made["properties"]) == {"k", "x", "y", "z"} and set(made) == {
        "type",
        "properties",
        "additionalProperties",
    }
    validator("top", made).validate({"k": "1", "y": 2})


@pytest.mark.parametrize("named", ["holds_itself", "too_many", "elsewhere"])
def test_a_choice_that_is_too_large_is_left_out_and_not_its_tool(named: str) -> None:
    tree = {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/t"}}, of(a={"$ref": "#/$defs/t"}), SHORT]}
    many = {"anyOf": [of(**{f"p{n}_{m}": SHORT for m in range(30)}) for n in range(20)]}
    choice = {
        "holds_itself": tree,
        "too_many": many,
        "elsewhere": {"anyOf": [SHORT, {"properties": {"a": {"$ref": "x.json"}}}]},
    }
    made = fit({**of(a={"$ref": "#/$defs/t"}, b=SHORT), "required": ["b"], "$defs": {"t": choice[named]}})
    rules = validator("tree", made)
    assert not rules.is_valid({"b": "long"}) and rules.is_valid(
        {"a": {"p1_1": "a"} if named == "too_many" else [[]], "b": ""}
    )


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
    inner += [each for word in PARTS for each in schema.get(word, ())]
    return set(schema).union(*(_words(each) for each in inner if isinstance(each, dict)))


def test_nothing_but_known_words_is_left() -> None:
    odd = {"$dynamicRef": "#x", "if": {}, "patternProperties": {"(a+)+": {}}, "uniqueItems": True, "not": {}, "x-a": 1}
    parts = {word: [odd, {**odd, "type": "string", "maxLength": 1}] for word in PARTS}
    made = fit({**of(a={**odd, "items": {**odd, "type": "string"}}, b={"additionalProperties": odd}, c=parts), **odd})
    assert _words(made) <= KEYWORDS | set(PARTS)
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
    long = {"type": "string", "title": "t", "description": "d" * 400}
    made = fit(of(**{f"a{n}": long for n in range(60)}, title={}, choice={"anyOf": [long, SMALL]}))
    assert made["properties"]["a1"] == {"type": "string"} and "title" in made["properties"]
    assert made["properties"]["choice"]["anyOf"][0] == {"type": "string"}


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


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("Reads\U000e0053\U000e0045 it", "Reads it"),
        ("\u202egnirts\u202c \u200b", "gnirts"),
        ("A\ufe00\U000e0101B", "AB"),
        ("two\nlines\tand\x1b[1m", "two\nlines\tand[1m"),
        ("\u0645\u06cc\u200c\u062e \u2764\ufe0f", "\u0645\u06cc\u200c\u062e \u2764\ufe0f"),
        (" " * 20 + "far", "far"),
        ("x" * 30, "x" * 25),
    ],
)
def test_a_text_is_what_a_person_sees_of_it(said: str, seen: str) -> None:
    assert visible(said, 25) == seen
    fitted = fit({"type": "object", "properties": {"a": {"type": "string", "description": said}}})
    assert fitted["properties"]["a"].get("description", "") == visible(said, 500)
