"""What an upload may say of a tool."""

from __future__ import annotations

from typing import Any

import pytest

from webapp.common.errors import Invalid
from webapp.tool_modules import rules

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "additionalProperties": False}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}, "additionalProperties": False}
    return schema


@pytest.mark.parametrize("name", ["word_count", "a", "a" * 60, "sha256"])
def test_a_name_is_one_that_models_can_say(name: str) -> None:
    assert rules.check_name(name) == name


@pytest.mark.parametrize("name", ["", "Word", "1a", "_a", "a-b", "a b", "a" * 61, "ä", None, 7, "a\n"])
def test_other_names_are_refused(name: Any) -> None:
    with pytest.raises(Invalid, match="^name: must be 1 to 60"):
        rules.check_name(name)


def test_a_schema_of_plain_arguments_is_taken_as_it_is() -> None:
    assert rules.check_parameters(TEXT) == TEXT
    assert rules.check_parameters(deep(8)) == deep(8)
    assert rules.check_parameters(None)["additionalProperties"] is False
    assert rules.read_parameters("  ") == rules.NOTHING


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"additionalProperties": True}, "additionalProperties false"),
        ({"type": "string"}, "of type object"),
        ({"properties": {"a": {"type": "string", "pattern": "(a+)+$"}}}, "may not have 'pattern'"),
        ({"properties": {"a": {"$ref": "https://elsewhere.example/schema"}}}, r"may not have '\$ref'"),
        ({"properties": {"a": {"type": "array", "items": {"anyOf": []}}}}, "may not have 'anyOf'"),
        ({"properties": {"a": {"type": "array", "uniqueItems": True}}}, "may not have 'uniqueItems'"),
        ({"properties": {"a": {"type": "text"}}}, "not valid under any of the given schemas|is not"),
        ({"properties": {"a": {"enum": ["x" * 9000]}}}, "the limit is 8192"),
        ({"properties": {"a": {"maximum": float("inf")}}}, "a number"),
        (deep(10), "nested deeper than 8"),
    ],
)
def test_what_could_not_be_checked_in_bounded_time_is_refused_by_name(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        rules.check_parameters(TEXT | change)


@pytest.mark.parametrize("text", ["{", "nope", "[" * 100_000])
def test_text_that_is_no_json_is_said_to_be_none(text: str) -> None:
    with pytest.raises(Invalid, match="must be JSON"):
        rules.read_parameters(text)


def test_bytes_that_are_no_module_or_too_many_are_refused() -> None:
    assert rules.check_wasm(b"\0asm1234", 8) == b"\0asm1234"
    with pytest.raises(Invalid, match="the limit is 7"):
        rules.check_wasm(b"\0asm1234", 7)
    with pytest.raises(Invalid, match="no WebAssembly"):
        rules.check_wasm(b"(module)", 8)
    for text in ("?", None, 7, "ä"):
        with pytest.raises(Invalid, match="base64"):
            rules.decode_wasm(text)
