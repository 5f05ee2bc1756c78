"""What waits for a person, over any lists of tools that a source may have had and has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webapp.tool_sources.review import gone, how_called, seen_of, still_there, waiting

TOOLS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from("abcde"),
            "description": st.sampled_from(["reads", "writes"]),
            "parameters": st.sampled_from([{}, {"type": "object"}]),
            "call": st.sampled_from([{}, {"method": "GET"}]),
        }
    ),
    unique_by=lambda tool: tool["name"],
)


@given(accepted=TOOLS, offered=TOOLS)
def test_agents_have_only_what_was_accepted_and_is_there(accepted: list[dict], offered: list[dict]) -> None:  # type: ignore[type-arg]
    have = still_there(accepted, offered)
    assert all(tool in accepted for tool in have)
    names = {tool["name"] for tool in have}
    assert names == {tool["name"] for tool in accepted} & {tool["name"] for tool in offered}
    assert names | set(gone(accepted, offered)) == {tool["name"] for tool in accepted}


@given(accepted=TOOLS, offered=TOOLS)
def test_each_tool_is_had_as_offered_or_waits_and_never_both(accepted: list[dict], offered: list[dict]) -> None:  # type: ignore[type-arg]
    have, waits = still_there(accepted, offered), waiting(accepted, offered)
    assert [tool for tool in offered if tool not in have] == [each.tool for each in waits]
    for each in waits:
        assert bool(each.differs) == (each.was is not None)


@given(tools=TOOLS)
def test_what_is_accepted_waits_no_more(tools: list[dict]) -> None:  # type: ignore[type-arg]
    assert waiting(tools, tools) == gone(tools, tools) == []
    assert still_there(tools, tools) == tools


@given(one=TOOLS, other=TOOLS)
def test_a_mark_names_one_list(one: list[dict], other: list[dict]) -> None:  # type: ignore[type-arg]
    assert (seen_of(one) == seen_of(other)) == (one == other)


def test_how_a_tool_is_called_tells_where_its_arguments_go() -> None:
    sent = [{"argument": "id", "name": "id", "in": "path"}, {"argument": "key", "name": "X-Key", "in": "header"}]
    call = {"method": "PUT", "base": "https://x.example", "path": "/pets/{id}", "parameters": sent, "body": {"a": 1}}
    assert (
        how_called({"name": "p", "call": call}) == "PUT https://x.example/pets/{id} (id in path, X-Key in header; body)"
    )
    assert how_called({"name": "p", "call": {"method": "GET", "path": "/"}}) == "GET /"
    assert how_called({"name": "p", "call": {"tool": "search"}}) == "search"
