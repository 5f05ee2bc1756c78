"""JSON that the database can keep."""

import json
from typing import Any

import pytest

from webapp.common.values import storable


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('"a\\u0000b"', "a\ufffdb"),
        ('"half \\ud83d an emoji"', "half ? an emoji"),
        ('"a whole one \\ud83d\\ude00"', "a whole one 😀"),
        ('{"\\u0000": [{"x": "\\udc00"}]}', {"\ufffd": [{"x": "?"}]}),
        ('[1, 2.5, true, null, "plain"]', [1, 2.5, True, None, "plain"]),
    ],
)
def test_what_postgres_refuses_is_replaced_and_all_else_kept(given: str, kept: Any) -> None:
    assert storable(json.loads(given)) == kept
