"""What agents do with pages in a real Chromium."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable

import pytest

from tests.integration.browser.conftest import Browsing
from workers.toolbox.far_browser import BrowserAway, FarBrowser

Site = Callable[[str, str], str]
SHOP = """<title>Shop</title><body style="height:3000px"><h1 id=head></h1><form action=/bought><input id=what name=what>
<button id=send>Buy</button></form><button id=more>More</button><ul></ul><p id=far style="position:absolute;top:2500px">far</p>
<a href="/about" class=in>About <b>us</b></a> <a href="javascript:void 0">no</a> <a href="/prices" target=_blank id=tab>Prices</a>
<script>
  setTimeout(() => head.textContent = "The shop is open", 50);
  more.onclick = () => setTimeout(() => { document.querySelector("ul").innerHTML = "<li data-n=1>Oak<li data-n=2>Birch" }, 100);
</script>"""


def test_a_page_that_its_scripts_make_is_read_and_used(browsing: Browsing, site: Site) -> None:
    opened = browsing.done("navigate", url=site("/shop", SHOP))
    assert (opened["status"], opened["title"]) == (200, "Shop")
    browsing.done("wait", selector="#head:not(:empty)")
    assert browsing.done("extract", selector="#head")["text"] == "The shop is open"
    assert "The shop is open" in browsing.done("extract")["html"]
    browsing.done("click", selector="#more")
    browsing.done("wait", selector="li")
    values = browsing.done("extract", extract_type="attribute", selector="li", attribute="data-n")
    assert (values["values"], values["count"]) == (["1", "2"], 2)
    browsing.done("type", selector="#what", text="oak")
    typed = browsing.done("extract", extract_type="attribute", selector="#what", attribute="value")
    assert typed["values"] == ["oak"]
    links = browsing.done("extract", extract_type="links")["links"]
    assert links[0] == {"url": browsing.wood.url("/about"), "text": "About us"} and len(links) == 2
    assert browsing.done("scroll", y=500)["y"] == 500
    assert browsing.done("scroll", selector="#far")["y"] > 1500
    sent = browsing.done("type", selector="#what", text="birch\n")
    assert browsing.wood.asked["/bought?what=birch"] == 1 and sent["url"].endswith("/bought?what=birch")


def test_a_link_into_a_new_tab_is_followed(browsing: Browsing, site: Site) -> None:
    browsing.done("navigate", url=site("/shop", SHOP))
    browsing.done("click", selector="#tab")
    browsing.until(lambda: "four euros" in browsing.act("extract").get("text", ""))


def test_pictures_are_of_the_view_the_page_or_an_element(browsing: Browsing, site: Site) -> None:
    browsing.done("navigate", url=site("/shop", SHOP))
    sizes = []
    for asked in ({}, {"full_page": True}, {"selector": "#more"}):
        picture = base64.b64decode(browsing.done("screenshot", **asked)["picture"])
        assert picture.startswith(b"\x89PNG")
        sizes.append(int.from_bytes(picture[20:24], "big"))  # the height
    assert sizes[0] == 800 and sizes[1] > 2500 and sizes[2] < 100


def test_what_can_not_be_done_names_the_argument_and_the_limit(browsing: Browsing, site: Site) -> None:
    assert browsing.refused("extract") == ("browser.no_page", "There is no open page: navigate first")
    browsing.done("navigate", url=site("/shop", SHOP))
    code, said = browsing.refused("click", selector="#none", timeout_ms=150)
    assert code == "browser.timeout" and said.startswith("timeout_ms: selector: '#none'") and "150 ms" in said
    for action in ("click", "extract"):
        assert browsing.refused(action, selector="p[", timeout_ms=150)[0] == "browser.selector"
    assert "finds nothing" in browsing.refused("extract", selector="#none")[1]
    assert browsing.refused("type", selector="h1", text="x")[0] == "browser.selector"
    assert browsing.refused("evaluate", script="throw new Error('my own')")[1].startswith("script: Error: my own")
    assert browsing.refused("evaluate", script="'x'.repeat(30000)")[0] == "browser.too_large"
    assert browsing.done("evaluate", script="Promise.resolve({n: 41 + 1})")["value"] == {"n": 42}


def test_a_page_that_computes_for_ever_is_closed_and_others_go_on(browsing: Browsing, site: Site) -> None:
    browsing.done("navigate", url=site("/shop", SHOP))
    browsing.done("navigate", agent="b", url=site("/stuck", "stuck"))
    browsing.act("evaluate", agent="b", script="setTimeout(() => { while (true) {} }, 0); 1", timeout_ms=100)
    browsing.act("extract", agent="b", timeout_ms=100)
    assert browsing.refused("extract", agent="b")[0] == "browser.no_page"
    assert browsing.done("extract", selector="#far")["text"] == "far"


def test_a_call_that_is_given_up_ends_its_action_and_the_page_stays(browsing: Browsing, site: Site) -> None:
    browsing.done("navigate", url=site("/shop", SHOP))

    async def given_up() -> None:
        act = browsing.far.act(
            tenant="acme", agent="a", action="wait", arguments={"selector": "#none", "timeout_ms": 30_000}
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(act, 0.3)

    browsing.run(given_up())
    assert browsing.done("extract", selector="#far")["text"] == "far"


def test_without_the_token_nobody_is_answered(browsing: Browsing) -> None:
    for token in ("", "x" * 38):
        with pytest.raises(BrowserAway, match="401"):
            browsing.run(
                FarBrowser(browsing.here.url, token).act(tenant="acme", agent="a", action="close", arguments={})
            )
