"""A hundred pages of a real server: pages beside one, and the whole site, against what each page is known to say."""

from __future__ import annotations

import time

import pytest

from tests.support.wood import HTML, OAKS, Wood, fact, page
from tests.unit.workers.toolbox.web.conftest import Call

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_crawl_reads_all_hundred_pages_once_and_nothing_else(call: Call, wood: Wood) -> None:
    result = await call("web_crawl", url=wood.url(), limit=100, max_length=30_000)
    pages = {each["url"].removeprefix(wood.url("")).partition("?")[0]: each for each in result.output["pages"]}
    assert len(pages) == len(result.output["pages"]) == 100 and result.output["not_read"] == 0
    assert all(fact(n) in pages[f"/oaks/{n}.html"]["text"] for n in range(1, OAKS + 1))
    assert "eleven people" in pages["/about"]["text"] and "four euros" in pages["/prices"]["text"]
    asked = {path.partition("?")[0]: times for path, times in wood.asked.items()}
    assert asked == {**dict.fromkeys(pages, 1), "/robots.txt": 1}, "each once; no private page"
    assert wood.most_at_once <= 4


async def test_a_crawl_stops_at_its_limit_with_the_nearest_pages(call: Call, wood: Wood) -> None:
    result = await call("web_crawl", url=wood.url(), limit=5)
    found = [each["url"].removeprefix(wood.url("")).partition("?")[0] for each in result.output["pages"]]
    assert sorted(found) == ["/", "/about", "/keepers", "/oaks/1.html", "/prices"]
    assert result.output["not_read"] > 0


async def test_a_crawl_does_not_end_in_a_site_without_end(call: Call, wood: Wood) -> None:
    """Each page names two more that there are not, and a calendar says the same under any address."""
    wood.more["/trap"] = (
        200,
        HTML,
        page("Trap", "".join(f'<a href="/trap?n={n}">{n}</a>' for n in range(3000))).encode(),
    )
    result = await call("web_crawl", url=wood.url("/trap"), limit=10)
    assert len(result.output["pages"]) < 10 and sum(wood.asked.values()) <= 32


async def test_what_robots_forbid_is_read_only_when_it_is_named(call: Call, wood: Wood) -> None:
    assert (await call("web_fetch", url=wood.url("/private/a"))).ok
    refused = await call("web_crawl", url=wood.url("/private/a"))
    assert refused.error and refused.error.code == "web.robots"
    led = await call("web_crawl", url=wood.url("/hidden"))
    assert led.error and led.error.code == "web.robots", "nor by way of a redirect"


@pytest.mark.parametrize(("status", "read"), [(404, True), (410, True), (503, False), (500, False)])
async def test_without_robots_all_is_read_and_while_a_site_cant_say_nothing(
    call: Call, wood: Wood, status: int, read: bool
) -> None:
    wood.more["/robots.txt"] = (status, {}, b"")
    result = await call("web_crawl", url=wood.url("/private/a"), limit=1)
    assert result.ok is read
    assert wood.asked["/private/a"] == read


async def test_a_crawl_waits_between_pages_as_long_as_it_is_asked(call: Call, wood: Wood) -> None:
    wood.more["/robots.txt"] = (200, {}, b"User-agent: Hartley\nCrawl-delay: 1\n")
    started = time.monotonic()
    result = await call("web_crawl", url=wood.url(), limit=3)
    assert len(result.output["pages"]) == 3 and time.monotonic() - started > 2 and wood.most_at_once == 1


async def test_pages_beside_one_are_chosen_by_path_then_by_words(call: Call, wood: Wood) -> None:
    result = await call(
        "web_subpage_fetch", url=wood.url(), limit=2, target_keywords="prices cost", target_paths=["oaks/50.html"]
    )
    assert [each["url"] for each in result.output["pages"]] == [wood.url(p) for p in ("/", "/oaks/50.html", "/prices")]
    assert fact(50) in result.output["pages"][1]["text"] and "four euros" in result.output["pages"][2]["text"]


async def test_fetch_reads_sub_pages_too(call: Call, wood: Wood) -> None:
    result = await call("web_fetch", url=wood.url(), subpages=1, subpage_target="keepers")
    assert "Ada Birch" in result.output["pages"][1]["text"] and len(result.output["pages"]) == 2
    result = await call("web_fetch", url=wood.url(), required_paths=["/about"])
    assert [each["url"] for each in result.output["pages"]] == [wood.url("/"), wood.url("/about")]


async def test_no_sub_page_is_on_another_host(call: Call, wood: Wood) -> None:
    paths = ["//127.0.0.2/", "http://10.0.0.1/", "/about"]
    result = await call("web_subpage_fetch", url=wood.url(), limit=20, target_paths=paths)
    assert len(result.output["pages"]) > 3
    assert all(each["url"].startswith(wood.url("/")) for each in result.output["pages"])
