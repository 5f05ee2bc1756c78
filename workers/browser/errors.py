"""What an agent is told when its page can't do what it asked."""

from __future__ import annotations

from webapp.common.errors import HartleyError


class BrowserRefused(HartleyError):
    """The message names the argument or the limit."""

    code = "browser.refused"


class NoPage(BrowserRefused):
    """Never opened, closed for idleness, or gone with the browser."""

    code = "browser.no_page"

    def __init__(self, why: str = "There is no open page") -> None:
        super().__init__(f"{why}: navigate first")


class TooManyWindows(BrowserRefused):
    code = "browser.too_many_pages"

    def __init__(self, limit: int, whose: str, idle_s: float) -> None:
        super().__init__(
            f"{whose} may have {limit} pages open at once, and they are: close one, or try later; "
            f"a page that is not used for {idle_s:g} s is closed"
        )


class TimedOut(BrowserRefused):
    code = "browser.timeout"

    def __init__(self, what: str, timeout_ms: int) -> None:
        super().__init__(f"timeout_ms: {what} within {timeout_ms} ms")


class PageStuck(BrowserRefused):
    """It computes without end, and was closed."""

    code = "browser.page_stuck"

    def __init__(self) -> None:
        super().__init__("The page answers nothing any more and was closed: navigate again, or elsewhere")


class NotReached(BrowserRefused):
    code = "request.failed"


class SelectorRefused(BrowserRefused):
    code = "browser.selector"


class ScriptFailed(BrowserRefused):
    code = "browser.script"


class TooLarge(BrowserRefused):
    code = "browser.too_large"
