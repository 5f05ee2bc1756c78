"""What goes to Postgres as JSON: the same values, and never what Postgres refuses."""

from __future__ import annotations

import json
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.common.values import storable
from webapp.orchestration.engine import wire

TEXT = st.text(st.sampled_from('a\\u0/"\n\0\ud800\udcff\u20ac\U0001f600'), max_size=12) | st.text()
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


@given(VALUES)
def test_it_reads_as_what_can_be_stored_of_the_value(value: object) -> None:
    text = wire(value)
    assert json.loads(text) == storable(json.loads(json.dumps(value)))
    assert text.encode() and "\0" not in json.dumps(json.loads(text), ensure_ascii=False)


def test_ids_and_amounts_are_texts_and_all_else_is_an_error() -> None:
    assert json.loads(wire([UUID(int=1), Decimal("0.10")])) == [str(UUID(int=1)), "0.10"]
    with pytest.raises(TypeError, match="object is not JSON"):
        wire({"a": object()})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_has_not_is_none(number: float) -> None:
    assert wire([number]) == "[null]"


def test_keys_and_depth_are_those_of_python() -> None:
    deep: list[object] = []
    for _ in range(600):
        deep = [deep]
    assert json.loads(wire(deep)) == deep
    assert wire({1: 2**70}) == '{"1": 1180591620717411303424}'
