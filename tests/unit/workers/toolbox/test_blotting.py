"""However a server writes the secret that it was sent, it is not passed on."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

import pytest

from workers.toolbox.blotting import BLOT, blotted, blotted_result
from workers.toolbox.tool import ToolResult

SECRET = 'ann:p/a"s\\s+w0rd='
BASIC = b64encode(SECRET.encode()).decode()


@pytest.mark.parametrize(
    "said",
    [
        SECRET,
        SECRET.partition(":")[2],
        f"GET /?key={quote(SECRET, safe='')}",
        f"Authorization: Basic {BASIC}",
        quote(BASIC, safe=""),
        json.dumps({"key": SECRET}),
        json.dumps({"key": SECRET}).replace("/", "\\/"),  # as PHP writes JSON
    ],
)
def test_it_is_found_in_all_its_forms(said: str) -> None:
    made = blotted({said: [said, 1, None]}, SECRET)
    assert BLOT in repr(made) and "w0rd" not in repr(made) and BASIC[:8] not in repr(made)
    failed = blotted_result(ToolResult.failure("x.y", said, outage=True), SECRET)
    assert failed.error and failed.error.outage and BLOT in failed.error.message


@pytest.mark.parametrize("secret", ["", "a", "a:b", "abc"])
def test_one_that_any_text_holds_is_left(secret: str) -> None:
    assert blotted("abcabc a:b", secret) in ("abcabc a:b", f"{BLOT}{BLOT} a:b")
    assert blotted({"plain": ["words"]}, secret) == {"plain": ["words"]}
