"""The rank of tools by the words that they share with a query."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.types import ToolSpec
from workers.toolbox.discovery import ranked, words_of


def tool(name: str, description: str = "", **parameters: str) -> ToolSpec:
    properties = {key: {"type": "string", "description": told} for key, told in parameters.items()}
    return {"name": name, "description": description, "parameters": {"type": "object", "properties": properties}}


def order(query: str, *tools: ToolSpec) -> list[str]:
    return [spec["name"] for spec, _ in ranked(query, tools)]


def test_a_word_of_the_name_counts_more_than_one_of_the_description() -> None:
    assert order("read a file", tool("mail", "Can attach a file"), tool("file_read", "Returns text"))[0] == "file_read"


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    tools = [tool(f"get_{n}", "Gets data of a company") for n in range(9)]
    assert order("data of a company's dividends", *tools, tool("paid", "Gets dividends"))[0] == "paid"


def test_parameters_are_read_too() -> None:
    assert order("by postcode", tool("a"), tool("b", "", place="A postcode or a town"))[0] == "b"


def test_names_are_split_and_endings_left_out() -> None:
    assert words_of("searchFiles") == words_of("search file") == words_of("searching-files")
    assert words_of("queries") == words_of("query")


@given(st.text(max_size=60), st.lists(st.tuples(st.text(max_size=12), st.text(max_size=40)), max_size=8))
def test_every_tool_is_ranked_once_and_the_same_each_time(query: str, told: list[tuple[str, str]]) -> None:
    tools = [tool(f"{n}{name}", about) for n, (name, about) in enumerate(told)]
    found = ranked(query, tools)
    assert sorted(spec["name"] for spec, _ in found) == sorted(spec["name"] for spec in tools)
    assert found == ranked(query, tools)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
