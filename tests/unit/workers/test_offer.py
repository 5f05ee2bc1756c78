"""What a model is offered of many tools, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.context import Past
from workers.gateway.types import ToolCall
from workers.offer import FIND, found_for, offer_of
from workers.toolbox.registry import Registry, Tool, ToolContext, ToolResult

ABOUT = {
    "weather": "Tells the weather of a city.",
    "convert_currency": "Converts an amount of money.",
    "send_mail": "Sends an e-mail to a person.",
    "translate": "Translates text into another language.",
    "search_flights": "Finds flights between two airports.",
}


class Named(Tool):
    effect = "computes"
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}

    def __init__(self, name: str, description: str) -> None:
        self.name, self.description = name, description

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        return ToolResult.success({})


TOOLS = Registry([Named(name, about) for name, about in ABOUT.items()])


def names(**given: Any) -> list[str]:
    asked: dict[str, Any] = {"allowed": None, "query": "How warm is it?", "history": [], "most": 2, **given}
    return [spec["name"] for spec in offer_of(TOOLS, **asked).specs]


def found(*tools: str) -> Past:
    return Past(1, "llm.turn", "a", "d", "done", {}, {"tool_calls": [{}], "found": list(tools)}, None)


def called(tool: str) -> Past:
    return Past(2, "tools.call", "a", "t", "done", {"call_id": "c", "tool": tool}, {"shown": {"ok": True}}, None)


def test_few_are_all_offered() -> None:
    assert names(most=5) == list(ABOUT)


def test_of_many_those_that_fit_the_question_best_and_a_way_to_the_others() -> None:
    assert names(query="Which flight goes between the airports?") == ["search_flights", "weather", "find_tools"]
    assert names(query="Convert 5 USD of money, send an email") == ["convert_currency", "send_mail", "find_tools"]


def test_what_fits_nothing_is_filled_up_in_the_order_of_the_registry() -> None:
    assert names(query="Xyzzy") == ["weather", "convert_currency", "find_tools"]


def test_what_was_found_or_used_stays_and_comes_after_what_was_there_before() -> None:
    before = names()
    history = [found("translate", "gone_since"), called("send_mail"), called("weather"), found("translate")]
    assert names(history=history) == [*before[:-1], "translate", "send_mail", "find_tools"]


def test_a_task_that_names_its_tools_has_these_and_no_way_to_others() -> None:
    offer = offer_of(TOOLS, allowed=["translate", "weather", "removed"], query="flights", history=[], most=1)
    assert [spec["name"] for spec in offer.specs] == ["weather", "translate"]
    assert offer.allowed == {"translate", "weather", "removed"} and not offer.finds
    assert names(allowed=[]) == []


def find(**arguments: Any) -> tuple[Any, list[str]]:
    return found_for(ToolCall("c", "find_tools", arguments, "{}"), TOOLS)


def test_finding_names_what_fits_and_nothing_else() -> None:
    shown, hits = find(query="translating texts")
    assert hits == ["translate"] and shown["tools"] == [{"name": "translate", "description": ABOUT["translate"]}]
    assert find(query="a city, a person, money", limit=2)[1] == find(query="a city, a person, money")[1][:2]
    assert find(query="xyzzy") == ({"ok": True, "tools": []}, [])


def test_bad_arguments_are_told_by_name() -> None:
    assert "limit must be at most 20" in find(query="x", limit=21)[0]["error"]["message"]
    shown, hits = found_for(ToolCall("c", "find_tools", None, "{broken"), TOOLS)
    assert not shown["ok"] and hits == []
    assert FIND["parameters"]["required"] == ["query"]
