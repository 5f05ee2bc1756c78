"""
Scripts of ours in a page, in a world of their own: what the page has redefined does not count there, texts are cut before
they leave the page, and a script is ended when its time is over.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from playwright.async_api import CDPSession, Error, Page

WORLD = "hartley"
LEAVE_S = 0.5
TRIES = 5  # a page may go on to another while it is asked
MOVED = ("context", "navigated", "No frame")


class ScriptError(Exception):
    """The script threw; its message is the page's, or of the selector that was asked for."""


async def ours(page: Page, function: str, *arguments: Any) -> Any:
    """
    Args:
        function: of `arguments`, e.g. `(a, b) => a + b`; what it gives must be JSON.
    Raises:
        ScriptError
    """
    for left in reversed(range(TRIES)):
        try:
            return await _once(page, function, arguments)
        except Error as error:
            if not left or page.is_closed() or not any(word in error.message for word in MOVED):
                raise
    raise AssertionError("unreachable")


async def _once(page: Page, function: str, arguments: tuple[Any, ...]) -> Any:
    session = await page.context.new_cdp_session(page)
    try:
        tree = await session.send("Page.getFrameTree")
        place = {"frameId": tree["frameTree"]["frame"]["id"], "worldName": WORLD}
        made = await session.send("Page.createIsolatedWorld", place)
        asked = {
            "functionDeclaration": function,
            "executionContextId": made["executionContextId"],
            "arguments": [{"value": each} for each in arguments],
            "returnByValue": True,
        }
        return _value(await session.send("Runtime.callFunctionOn", asked))
    finally:
        await _left(session)


async def theirs(page: Page, script: str, timeout_ms: int) -> Any:
    """
    An agent's script, among the page's own, e.g. `document.title`; a promise is waited for.

    Raises:
        ScriptError
    """
    session = await page.context.new_cdp_session(page)
    try:
        asked = {"expression": script, "returnByValue": True, "awaitPromise": True, "timeout": timeout_ms}
        return _value(await session.send("Runtime.evaluate", asked))
    finally:
        await _left(session)


async def _left(session: CDPSession) -> None:
    """It may have gone with its page, and a page that computes for ever lets nobody go."""
    with suppress(Error, TimeoutError):
        await asyncio.wait_for(session.detach(), LEAVE_S)


def _value(answer: dict[str, Any]) -> Any:
    if "exceptionDetails" in answer:
        told = answer["exceptionDetails"]
        raise ScriptError(str(told.get("exception", {}).get("description") or told.get("text"))[:500])
    return answer["result"].get("value")
