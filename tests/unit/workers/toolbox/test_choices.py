"""Arguments of which a schema says several kinds: what is told of them, and that looking is bounded."""

from __future__ import annotations

import time
from typing import Any

import pytest

from workers.toolbox.arguments import check, validator
from workers.toolbox.errors import ArgumentsInvalid

CIRCLE = {"type": "object", "properties": {"radius": {"type": "number", "minimum": 0}}, "required": ["radius"]}
SQUARE = {"type": "object", "properties": {"side": {"type": "number"}}, "required": ["side"]}


def told(choice: dict[str, Any], given: Any) -> str:
    schema = {"type": "object", "properties": {"shape": choice}, "additionalProperties": False}
    try:
        check("draw", validator("draw", schema), {"shape": given})
    except ArgumentsInvalid as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("word", "given", "words"),
    [
        ("anyOf", {"radius": 1}, ""),
        ("oneOf", {"side": 1}, ""),
        ("anyOf", {"radius": 1, "side": 1}, ""),
        ("oneOf", {"radius": 1, "side": 1}, "shape fits several of the kinds"),
        ("oneOf", {"radius": -1}, "shape"),
        ("anyOf", "round", "shape"),
    ],
)
def test_what_fits_no_kind_or_several_is_named(word: str, given: Any, words: str) -> None:
    said = told({word: [CIRCLE, SQUARE]}, given).replace(":", "")
    assert words in said and bool(words) == bool(said), said


def test_the_fault_that_is_deepest_is_told() -> None:
    assert "shape.radius" in told({"anyOf": [{"type": "string"}, CIRCLE]}, {"radius": -1})


@pytest.mark.parametrize("given", [[{"radius": -1}] * 10_000, ["x"] * 10_000])
def test_arguments_that_would_take_long_are_left_to_the_tool_itself(given: Any) -> None:
    began = time.process_time()
    many = [{**CIRCLE, "properties": {**CIRCLE["properties"], f"p{n}": {}}} for n in range(20)]  # type: ignore[dict-item]
    assert told({"type": "array", "items": {"anyOf": many}}, given) == ""
    assert "may have at most" in told({"type": "array", "maxItems": 9, "items": {"anyOf": many}}, given)
    assert time.process_time() - began < 2


def test_however_deep_they_are() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert told({"anyOf": [{"type": "array"}, CIRCLE]}, deep) == ""
