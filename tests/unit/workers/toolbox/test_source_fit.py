from __future__ import annotations

from typing import Any

from webapp.tool_sources.in_force import Found
from webapp.tool_sources.names import LIMIT_CHARS, tool_name
from workers.toolbox.source_fit import fit_tools


def told(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"name": name, "description": " d ", "parameters": {"type": "object"}, "call": {}, **more} for name in names
    ]


def fitted(given: Any, allowed: frozenset[str] = frozenset(), taken: tuple[str, ...] = (), most: int = 9) -> Found:
    return fit_tools("pets", given, allowed=allowed, is_free=lambda name: name not in taken, most=most)


def test_names_are_plain_short_and_apart() -> None:
    assert (
        tool_name("pets", "listPets") == "pets_list_pets" and tool_name("pets", "GET /pets/{id}") == "pets_get_pets_id"
    )
    long = [tool_name("pets", "x" * 80 + end) for end in "ab"]
    assert len(set(long)) == 2 and {len(name) for name in long} == {LIMIT_CHARS}
    assert tool_name("pets", "列表") != tool_name("pets", "删除")


def test_one_odd_tool_costs_itself_and_its_reason_is_told() -> None:
    odd = [*told("odd", parameters={"type": "array"}), {"name": "no", "reason": "It takes a cookie"}, {}]
    found = fitted([*told("good"), *odd, *told("Good")])
    assert [tool["name"] for tool in found.tools] == ["good"]
    reasons = {each["name"]: each["reason"] for each in found.left_out}
    assert reasons["no"] == "It takes a cookie" and "not an object" in reasons["odd"]
    assert reasons["Good"] == "There is a tool called pets_good already" and "(without a name)" in reasons


def test_names_of_others_are_theirs() -> None:
    assert "already" in fitted(told("a"), taken=("pets_a",)).left_out[0]["reason"]


def test_of_many_so_many_are_taken_and_of_an_allow_list_what_it_names() -> None:
    assert [len(each) for each in (fitted(told("a", "b", "c"), most=2).tools,)] == [2]
    found = fitted(told("a", "b", "c"), allowed=frozenset({"b", "z"}))
    assert [tool["name"] for tool in found.tools] == ["b"] and found.left_out == [
        {"name": "z", "reason": "It is not there"}
    ]


def test_a_long_list_of_what_was_left_out_is_cut() -> None:
    found = fitted([{"name": f"n{n}", "reason": "no"} for n in range(150)])
    assert len(found.left_out) == 101 and found.left_out[-1]["name"] == "50 more"
