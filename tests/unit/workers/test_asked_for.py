"""What becomes of the calls that a turn's model asks for: none vanishes."""

from __future__ import annotations

from typing import Any

from tests.support.claimed import claimed
from workers.asked_for import AskedFor, sort_calls
from workers.gateway.types import ToolCall
from workers.loop_limits import Limits
from workers.offer import Offer
from workers.toolbox.builtin.calculator import Calculator
from workers.toolbox.registry import Registry

TOOLS = Registry([Calculator()])
LIMITS = Limits(turns=3, calls=5, calls_of_turn=3, chars=1000, failed_turns=2, prompt_chars=1000)


def call(name: str, id_: str, **arguments: Any) -> ToolCall:
    return ToolCall(id_, name, arguments, "{}")


def asked(*calls: ToolCall, offer: Offer | None = None, made: int = 0) -> AskedFor:
    offer = offer or Offer(TOOLS.specs())
    return sort_calls(claimed(n=7), calls, held=None, tools=TOOLS, offer=offer, limits=LIMITS, made=made)


def codes(found: AskedFor) -> dict[str, str]:
    return {each["call_id"]: each["shown"].get("error", {}).get("code", "") for each in found.kept.get("answered", [])}


def test_what_is_for_tools_passes_and_nothing_is_kept_or_told() -> None:
    found = asked(call("calculator", "a"), call("unheard_of", "b"))
    assert [c.id for c in found.calls] == ["a", "b"] and found.kept == {} and found.events == []


def test_calls_beyond_those_of_one_turn_are_refused_by_name_and_told() -> None:
    found = asked(*(call("calculator", f"c{n}") for n in range(5)))
    assert [c.id for c in found.calls] == ["c0", "c1", "c2"]
    assert codes(found) == {"c3": "tool.too_many_calls", "c4": "tool.too_many_calls"}
    (warning,) = found.events
    assert warning["type"] == "WARNING" and warning["message"].startswith("2 calls were not made: One turn may call 3")


def test_calls_beyond_those_of_the_agent_are_refused() -> None:
    found = asked(call("calculator", "a"), call("calculator", "b"), made=4)
    assert [c.id for c in found.calls] == ["a"] and codes(found) == {"b": "tool.calls_used_up"}
    assert asked(call("calculator", "a"), made=9).calls == []


def test_a_tool_that_the_task_does_not_allow_is_refused_by_name() -> None:
    offer = Offer(TOOLS.specs(), allowed=frozenset({"calculator"}))
    found = asked(call("marker", "a"), call("calculator", "b"), call("find_tools", "c", query="x"), offer=offer)
    assert [c.id for c in found.calls] == ["b"] and codes(found) == {"a": "tool.not_allowed", "c": "tool.not_allowed"}
    told = found.kept["answered"][0]["shown"]["error"]["message"]
    assert "'marker'" in told and "allowed are: calculator" in told


def test_a_search_for_tools_is_answered_by_the_turn() -> None:
    offer = Offer(TOOLS.specs(), finds=True)
    found = asked(call("find_tools", "a", query="calculate"), call("find_tools", "b"), offer=offer)
    assert found.calls == [] and found.kept["found"] == ["calculator"]
    assert codes(found) == {"a": "", "b": "tool.arguments_invalid"} and found.events == []
