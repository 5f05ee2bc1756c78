"""What the tool asks of the browser's process, and what it makes of its answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from workers.toolbox.builtin.browser import BrowserTool
from workers.toolbox.errors import ArgumentsInvalid
from workers.toolbox.far_browser import BrowserAway, FarBrowser
from workers.toolbox.registry import Registry, ToolContext

MakeContext = Callable[..., ToolContext]
DONE = {"ok": True}


class Scripted:
    def __init__(self, answer: Mapping[str, Any] | BrowserAway) -> None:
        self.answer, self.asked = answer, dict[str, Any]()

    async def act(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        if isinstance(self.answer, BrowserAway):
            raise self.answer
        return dict(self.answer)


def tool(answer: Mapping[str, Any] | BrowserAway = DONE, *, evaluate: bool = False) -> BrowserTool:
    return BrowserTool(cast(FarBrowser, Scripted(answer)), evaluate=evaluate)


async def test_it_asks_for_the_window_of_its_tenant_and_agent(context: MakeContext) -> None:
    browser = tool()
    await browser.run({"action": "click", "selector": "#a"}, context(window="s/k/agent"))
    asked = cast(Scripted, browser._far).asked
    assert (asked["tenant"], asked["agent"], asked["action"]) == ("t1", "s/k/agent", "click")
    assert asked["arguments"] == {"selector": "#a", "timeout_ms": 5000}


async def test_a_picture_becomes_a_file_of_the_session(context: MakeContext) -> None:
    answer = {"ok": True, "url": "https://example.com/", "picture": base64.b64encode(b"\x89PNG").decode()}
    result = await tool(answer).run({"action": "screenshot"}, context(task_id="0123-456789ab"))
    assert result.changed == {"screenshots/456789ab-3.png": b"\x89PNG"} and "picture" not in result.output
    assert result.output["size_bytes"] == 4


async def test_a_failure_has_the_browsers_code_and_its_absence_speaks_against_it(context: MakeContext) -> None:
    refused = {"ok": False, "error": {"code": "browser.no_page", "message": "There is no open page: navigate first"}}
    result = await tool(refused).run({"action": "extract"}, context())
    assert result.error and (result.error.code, result.error.outage) == ("browser.no_page", False)
    result = await tool(BrowserAway("away")).run({"action": "extract"}, context())
    assert result.error and (result.error.code, result.error.outage) == ("browser.unavailable", True)


@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        ({"action": "navigate"}, "navigate needs url"),
        ({"action": "click", "x": 1}, "click needs selector, or x and y"),
        ({"action": "type", "selector": "a"}, "type needs selector and text"),
        ({"action": "extract", "extract_type": "attribute"}, "extract needs selector and attribute"),
    ],
)
async def test_what_an_action_lacks_is_named(context: MakeContext, arguments: dict[str, Any], needs: str) -> None:
    result = await tool().run(arguments, context())
    assert result.error and result.error.message == f"browser: {needs}"


def test_scripts_are_no_argument_unless_the_operator_allows_them() -> None:
    script = {"action": "evaluate", "script": "1"}
    with pytest.raises(ArgumentsInvalid, match="script"):
        Registry([tool()]).validate("browser", script)
    Registry([tool(evaluate=True)]).validate("browser", script)
