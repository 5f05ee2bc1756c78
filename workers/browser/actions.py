"""What can be done with a page. Each action is given the page and its arguments, and answers with JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from playwright.async_api import Error, Locator, Page
from playwright.async_api import TimeoutError as Late

from webapp.common.addresses import AddressRefused
from workers.browser import isolated
from workers.browser.errors import (
    BrowserRefused,
    NotReached,
    ScriptFailed,
    SelectorRefused,
    TimedOut,
    TooLarge,
)
from workers.browser.isolated import ScriptError
from workers.browser.proxy import REFUSED

Arguments = dict[str, Any]
Action = Callable[[Page, Arguments], Coroutine[Any, Any, dict[str, Any]]]

SLICE_MS = 1000  # a wait is made of such parts, so that it ends soon when the call is given up
SETTLE_MS = 1000  # for the page that a click leads to
HTML_CHARS, TEXT_CHARS, VALUE_CHARS, SCRIPT_CHARS = 2_000_000, 50_000, 2000, 20_000
ITEMS = 200
PICTURE_HEIGHT, PICTURE_BYTES = 10_000, 5 * 1024 * 1024

WHERE = "() => [document.title.slice(0, 300), Math.round(scrollX), Math.round(scrollY), document.documentElement.scrollHeight]"
SCROLL = "(x, y) => { window.scrollBy({left: x, top: y, behavior: 'instant'}) }"
HTML = """(selector, most) => {
  const found = selector ? document.querySelector(selector) : document.documentElement;
  return found && [found.outerHTML.length, found.outerHTML.slice(0, most)];
}"""
TEXT = """(selector, items, most) => {
  const found = selector ? [...document.querySelectorAll(selector)] : [document.body || document.documentElement];
  const whole = found.slice(0, items).map(each => each.innerText ?? each.textContent).join("\\n");
  return [found.length, whole.length, whole.slice(0, most)];
}"""
LINKS = """(selector, items, chars) => {
  const found = [...document.querySelectorAll(selector ? `:is(${selector}) a[href], a[href]:is(${selector})` : "a[href]")]
    .filter(each => /^https?:$/.test(each.protocol));
  return [found.length, found.slice(0, items).map(each => (
    {url: each.href.slice(0, chars), text: each.textContent.trim().replace(/\\s+/g, " ").slice(0, 200)}))];
}"""
VALUES = """(selector, name, items, chars) => {
  const found = [...document.querySelectorAll(selector)];
  return [found.length, found.slice(0, items).map(each => {
    const value = name === "value" && "value" in each ? String(each.value) : each.getAttribute(name);
    return value === null ? null : value.slice(0, chars);
  })];
}"""


async def navigate(page: Page, asked: Arguments) -> dict[str, Any]:
    """
    Raises:
        AddressRefused, NotReached, TimedOut
    """
    wait_until, timeout_ms = asked.get("wait_until", "load"), asked["timeout_ms"]
    try:
        answer = await page.goto(asked["url"], wait_until=wait_until, timeout=timeout_ms)
    except Late:
        raise TimedOut(f"the page has not reached {wait_until!r}; what has come can be read", timeout_ms) from None
    except Error as error:
        raise _not_reached(error) from None
    if answer and answer.headers.get("proxy-status") == REFUSED:
        raise AddressRefused("url: it leads to an address that is not public, or to a port that may not be asked")
    return {"status": answer.status if answer else 0, **await _where(page)}


async def click(page: Page, asked: Arguments) -> dict[str, Any]:
    """
    Raises:
        SelectorRefused, TimedOut
    """
    how = {"button": asked.get("button", "left"), "click_count": asked.get("click_count", 1)}
    if "selector" in asked:
        target = await _ready(page, asked, lambda one, ms: one.click(trial=True, timeout=ms))
        await _at_once(target.click(**how, timeout=SLICE_MS, no_wait_after=True), asked)
    else:
        await page.mouse.click(asked["x"], asked["y"], **how)
    return await _settled(page)


async def type_(page: Page, asked: Arguments) -> dict[str, Any]:
    """A last line break presses Enter, which sends a form.

    Raises:
        SelectorRefused, TimedOut
    """
    text: str = asked["text"]
    target = await _ready(page, asked, lambda one, ms: one.wait_for(state="visible", timeout=ms))
    await _at_once(target.fill(text.removesuffix("\n"), timeout=SLICE_MS), asked)
    if text.endswith("\n"):
        await _at_once(target.press("Enter", timeout=SLICE_MS, no_wait_after=True), asked)
    return await _settled(page)


async def wait(page: Page, asked: Arguments) -> dict[str, Any]:
    """For a selector, a state of loading, or else simply so long.

    Raises:
        SelectorRefused, TimedOut
    """
    if "selector" in asked:
        await _ready(page, asked, lambda one, ms: one.wait_for(state="visible", timeout=ms))
    elif "wait_until" in asked:
        try:
            await page.wait_for_load_state(asked["wait_until"], timeout=asked["timeout_ms"])
        except Late:
            raise TimedOut(f"the page has not reached {asked['wait_until']!r}", asked["timeout_ms"]) from None
    else:
        await page.wait_for_timeout(asked["timeout_ms"])
    return await _where(page)


async def scroll(page: Page, asked: Arguments) -> dict[str, Any]:
    """
    Raises:
        SelectorRefused, TimedOut
    """
    if "selector" in asked:
        await _ready(page, asked, lambda one, ms: one.scroll_into_view_if_needed(timeout=ms))
    else:
        down = asked.get("y", 0 if "x" in asked else (page.viewport_size or {"height": 800})["height"])
        await isolated.ours(page, SCROLL, asked.get("x", 0), down)
    return await _where(page)


async def screenshot(page: Page, asked: Arguments) -> dict[str, Any]:
    """
    Raises:
        SelectorRefused, TimedOut, TooLarge
    """
    try:
        if "selector" in asked:
            target = await _ready(page, asked, lambda one, ms: one.wait_for(state="visible", timeout=ms))
            picture = await target.screenshot(timeout=asked["timeout_ms"])
        else:
            picture = await page.screenshot(timeout=asked["timeout_ms"], **await _part(page, asked))
    except Late:
        raise TimedOut("no picture could be taken", asked["timeout_ms"]) from None
    if len(picture) > PICTURE_BYTES:
        raise TooLarge(f"full_page: the picture has {len(picture)} bytes; the limit is {PICTURE_BYTES}")
    return {"picture": base64.b64encode(picture).decode(), **await _where(page)}


async def extract(page: Page, asked: Arguments) -> dict[str, Any]:
    """
    Raises:
        SelectorRefused
    """
    return {**await KINDS[asked.get("extract_type", "text")](page, asked), **await _where(page)}


async def evaluate(page: Page, asked: Arguments) -> dict[str, Any]:
    """
    Raises:
        ScriptFailed
    """
    try:
        value = await isolated.theirs(page, asked["script"], asked["timeout_ms"])
    except ScriptError as error:
        raise ScriptFailed(f"script: {error}") from None
    except Error as error:
        raise ScriptFailed(f"script: it gave no JSON, or did not end: {error.message[:300]}") from None
    if len(json.dumps(value)) > SCRIPT_CHARS:
        raise TooLarge(f"script: what it gives has more than {SCRIPT_CHARS} characters of JSON, which is the limit")
    return {"value": value, **await _where(page)}


async def _text(page: Page, asked: Arguments) -> dict[str, Any]:
    """Of the whole page also its HTML, of which the asking side finds the main part."""
    selector = asked.get("selector", "")
    count, chars, text = await _found(page, TEXT, selector, ITEMS, TEXT_CHARS)
    if selector and not count:
        raise _nothing(selector)
    shown = {"text": text, "cut": chars > TEXT_CHARS or count > ITEMS}
    return shown if selector else {**shown, **await _html(page, {})}


async def _html(page: Page, asked: Arguments) -> dict[str, Any]:
    found = await _found(page, HTML, asked.get("selector", ""), HTML_CHARS)
    if found is None:
        raise _nothing(asked.get("selector", ""))
    return {"html": found[1], "html_cut": found[0] > HTML_CHARS}


async def _links(page: Page, asked: Arguments) -> dict[str, Any]:
    count, links = await _found(page, LINKS, asked.get("selector", ""), ITEMS, VALUE_CHARS)
    return {"links": links, "count": count, "cut": count > ITEMS}


async def _values(page: Page, asked: Arguments) -> dict[str, Any]:
    count, values = await _found(page, VALUES, asked["selector"], asked["attribute"], ITEMS, VALUE_CHARS)
    if not count:
        raise _nothing(asked["selector"])
    return {"values": values, "count": count, "cut": count > ITEMS}


async def _found(page: Page, function: str, selector: str, *more: Any) -> Any:
    """
    Raises:
        SelectorRefused: it is none.
    """
    try:
        return await isolated.ours(page, function, selector, *more)
    except ScriptError as error:
        raise SelectorRefused(f"selector: {selector!r} is no CSS selector: {error}"[:500]) from None


async def _ready(page: Page, asked: Arguments, look: Callable[[Locator, int], Awaitable[Any]]) -> Locator:
    """
    The first element that the selector finds, once `look` is content with it.

    Raises:
        SelectorRefused, TimedOut
    """
    target, left = page.locator(f"css={asked['selector']}").first, int(asked["timeout_ms"])
    while True:
        part = min(SLICE_MS, left)
        try:
            await look(target, part)
            return target
        except Late:
            left -= part
            if left <= 0:
                raise TimedOut(
                    f"selector: {asked['selector']!r} is not there, or is covered", asked["timeout_ms"]
                ) from None
        except Error as error:
            raise _of_selector(asked, error) from None


async def _at_once(doing: Awaitable[Any], asked: Arguments) -> None:
    """
    Raises:
        SelectorRefused: the element is of a kind that can't.
    """
    try:
        await doing
    except Late:
        raise TimedOut(f"selector: {asked['selector']!r} did not take it", SLICE_MS) from None
    except Error as error:
        raise _of_selector(asked, error) from None


async def _settled(page: Page) -> dict[str, Any]:
    """Where a click has led, as far as it has come by now."""
    try:
        await page.wait_for_load_state("domcontentloaded", timeout=SETTLE_MS)
    except Late:
        pass  # the next action waits as long as it says
    return await _where(page)


async def _where(page: Page) -> dict[str, Any]:
    title, x, y, height = await isolated.ours(page, WHERE)
    return {"url": page.url[:VALUE_CHARS], "title": title, "x": x, "y": y, "height": height}


async def _part(page: Page, asked: Arguments) -> dict[str, Any]:
    if not asked.get("full_page"):
        return {}
    size, where = page.viewport_size or {"width": 1280, "height": 800}, await _where(page)
    height = min(PICTURE_HEIGHT, max(size["height"], where["height"]))
    return {"full_page": True, "clip": {"x": 0, "y": 0, "width": size["width"], "height": height}}


def _nothing(selector: str) -> BrowserRefused:
    return SelectorRefused(f"selector: {selector!r} finds nothing on the page")


def _of_selector(asked: Arguments, error: Error) -> BrowserRefused | Error:
    """What says that the page has gone stays what it is."""
    if "closed" in error.message or "crashed" in error.message:
        return error
    return SelectorRefused(f"selector: {asked['selector']!r}: {error.message.splitlines()[0][:300]}")


def _not_reached(error: Error) -> BrowserRefused | Error:
    told = error.message
    if "ERR_TUNNEL_CONNECTION_FAILED" in told or "ERR_PROXY" in told:
        return NotReached("url: it could not be connected to: it is away, or nothing may be sent to its address")
    if "ERR_ABORTED" in told or "Download is starting" in told:
        return NotReached("url: it is nothing that a browser shows, such as a download; web_download gets files")
    if "net::" in told:
        return NotReached(f"url: {told.partition('net::')[2].split(' ')[0]}")
    return error


ACTIONS: dict[str, Action] = {
    "navigate": navigate,
    "click": click,
    "type": type_,
    "screenshot": screenshot,
    "extract": extract,
    "scroll": scroll,
    "wait": wait,
    "evaluate": evaluate,
}
KINDS: dict[str, Action] = {"text": _text, "html": _html, "links": _links, "attribute": _values}
