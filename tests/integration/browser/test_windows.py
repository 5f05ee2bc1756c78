"""Whose window is whose, how many there are, and how they end."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from tests.integration.browser.conftest import Browsing

Site = Callable[[str, str], str]
SETS = "<body><p id=was></p><script>was.textContent = 'was: ' + document.cookie + localStorage.x; document.cookie = 'who=me'; localStorage.x = 'mine'</script>"


def was(browsing: Browsing, url: str, **whose: str) -> str:
    browsing.done("navigate", url=url, **whose)
    return str(browsing.done("extract", selector="#was", **whose)["text"])


def test_cookies_and_what_sites_keep_are_of_one_agent_of_one_tenant_and_end_with_the_window(
    browsing: Browsing, site: Site
) -> None:
    url = site("/keeps", SETS)
    assert was(browsing, url) == "was: undefined"
    assert was(browsing, url) == "was: who=memine"
    assert was(browsing, url, tenant="globex") == "was: undefined"
    assert was(browsing, url, agent="b") == "was: undefined"
    browsing.done("close")
    assert was(browsing, url) == "was: undefined"


def test_the_stranger_finds_no_page_of_ours(browsing: Browsing, site: Site) -> None:
    browsing.done("navigate", url=site("/keeps", SETS))
    assert browsing.refused("extract", tenant="globex")[0] == "browser.no_page"


def test_a_window_that_nobody_uses_is_closed(browsing: Browsing, site: Site) -> None:
    url = site("/keeps", SETS)
    browsing.done("navigate", url=url)
    browsing.clock.now += 299
    browsing.done("navigate", agent="b", url=url)
    browsing.run(browsing.here.windows.close_idle())
    browsing.done("extract")
    browsing.clock.now += 299
    browsing.done("extract")
    browsing.clock.now += 2
    browsing.run(browsing.here.windows.close_idle())
    browsing.done("extract")
    assert browsing.refused("extract", agent="b")[0] == "browser.no_page"


def test_there_are_so_many_windows_and_no_tenant_has_them_all(browsing: Browsing, site: Site) -> None:
    url = site("/keeps", SETS)
    for agent in "abc":
        browsing.done("navigate", agent=agent, url=url)
    code, said = browsing.refused("navigate", agent="d", url=url)
    assert code == "browser.too_many_pages" and said.startswith("A tenant may have 3 pages")
    browsing.done("navigate", tenant="globex", url=url)
    assert browsing.refused("navigate", tenant="globex", agent="b", url=url)[1].startswith(
        "All tenants together may have 4"
    )
    browsing.done("close", agent="c")
    browsing.done("navigate", tenant="globex", agent="b", url=url)


def test_a_navigation_that_fails_holds_no_window(browsing: Browsing, site: Site) -> None:
    before = len(browsing.here.windows)
    assert browsing.refused("navigate", url="http://nowhere.example/")[0] == "address.refused"
    assert len(browsing.here.windows) == before


def test_a_chromium_that_was_killed_is_started_anew(browsing: Browsing, site: Site) -> None:
    url = site("/keeps", SETS)
    browsing.done("navigate", url=url)
    for process in psutil.Process().children(recursive=True):
        if "--type=" not in (said := _command(process)) and "--headless" in said:
            process.kill()
    browsing.until(lambda: len(browsing.here.windows) == 0)
    assert browsing.refused("extract")[0] == "browser.no_page"
    browsing.done("navigate", url=url)


def test_a_page_whose_renderer_was_killed_is_gone_and_can_be_opened_anew(browsing: Browsing, site: Site) -> None:
    url = site("/keeps", SETS)
    browsing.done("navigate", url=url)
    for each in psutil.Process().children(recursive=True):
        if "--type=renderer" in _command(each):
            each.kill()
    assert browsing.refused("extract")[0] == "browser.no_page"
    browsing.done("navigate", url=url)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""  # it has ended meanwhile
