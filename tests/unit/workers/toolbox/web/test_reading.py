"""Pages of a real server through the guard: their own text, in whatever form servers send it."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.support.wood import Wood, fact, page
from tests.unit.workers.toolbox.web.conftest import PAGE_BYTES, Call
from workers.toolbox.web.page import Unreadable
from workers.toolbox.web.readers import Readers

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_page_is_its_own_text_title_date_and_links(call: Call, wood: Wood) -> None:
    result = await call("web_fetch", url=wood.url("/oaks/7.html"))
    (shown,) = result.output["pages"]
    assert shown["title"] == "Oak 7" and shown["published"] == "2024-03-08" and not shown["cut"]
    assert fact(7) in shown["text"] and "- rings: 21" in shown["text"]
    assert not any(words in shown["text"] for words in ("Menu of everything", "cookies", "alert(1)"))
    assert {"url": wood.url("/oaks/14.html?utm_source=wood"), "text": "Oak 14"} in shown["links"]
    assert wood.asked == {"/oaks/7.html": 1}, "a page that is named is asked for, and nothing else"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/latin", "süß"),
        ("/declared", "süß"),
        ("/unsaid", "süß"),
        ("/gzip", fact(7)),
        ("/data.json", '"keeper": "Ada"'),
        ("/feed.xml", "An oak"),
        ("/notes.txt", "plain words"),
        ("/moved", "eleven people"),
        ("/about#part", "eleven people"),
    ],
)
async def test_text_of_many_kinds_is_read(call: Call, wood: Wood, path: str, words: str) -> None:
    result = await call("web_fetch", url=wood.url(path))
    assert result.ok and words in result.output["pages"][0]["text"]


@pytest.mark.parametrize(
    ("path", "code", "told"),
    [
        ("/oak.png", "web.media_type", "It is image/png; what is read is HTML, text, JSON and XML"),
        ("/oak.pdf", "web.media_type", "application/pdf"),
        ("/unnamed", "web.media_type", "does not name"),
        ("/br", "web.media_type", "compressed as br"),
        ("/false", "web.unreadable", "not compressed"),
        ("/nowhere", "web.status", "It answered 404"),
        ("/round", "web.status", "redirects too often"),
        ("/inward", "address.refused", "127.0.0.2"),
    ],
)
async def test_what_is_not_read_is_refused_by_name(call: Call, wood: Wood, path: str, code: str, told: str) -> None:
    result = await call("web_fetch", url=wood.url(path))
    assert not result.ok and result.error and result.error.code == code and told in result.error.message


@pytest.mark.parametrize(
    "body", [b"", b" ", b"<", b"<html>", b"\x00\xff\xfe", b"<p>" * 50_000, b"<a href='http://[::1'>x</a>"]
)
async def test_what_is_hardly_a_page_does_no_harm(call: Call, wood: Wood, body: bytes) -> None:
    wood.more["/hardly"] = (200, {"Content-Type": "text/html"}, body)
    result = await call("web_fetch", url=wood.url("/hardly"))
    assert result.ok or (result.error and result.error.code == "web.unreadable")
    assert (await call("web_fetch", url=wood.url("/about"))).ok


async def test_a_bomb_is_read_up_to_the_limit(call: Call, wood: Wood) -> None:
    result = await call("web_fetch", url=wood.url("/bomb"), max_length=50_000, total_chars_cap=100_000)
    assert result.ok and result.output["pages"][0]["cut"]
    assert len(result.output["pages"][0]["text"]) <= 50_000 < PAGE_BYTES


async def test_several_pages_in_one_call_and_what_failed_beside_them(call: Call, wood: Wood) -> None:
    urls = [wood.url(f"/oaks/{n}.html") for n in (3, 5, 8)]
    result = await call("web_fetch", urls=[*urls, wood.url("/oak.png"), "http://10.0.0.1/", urls[0] + "?utm_id=4"])
    assert [each["url"] for each in result.output["pages"]] == urls
    assert [each["code"] for each in result.output["failed"]] == ["web.media_type", "address.refused"]
    assert wood.asked["/oaks/3.html"] == 1


async def test_texts_are_cut_each_and_all_together(call: Call, wood: Wood) -> None:
    long = "<p>" + "A long walk through the wood takes most of the day. " * 400 + "</p>"
    wood.more |= {
        f"/long/{n}": (200, {"Content-Type": "text/html"}, page(f"Walk {n}", long).encode()) for n in range(3)
    }
    urls = [wood.url(f"/long/{n}") for n in range(3)]
    shown = (await call("web_fetch", urls=urls, max_length=5000, total_chars_cap=9000)).output["pages"]
    assert [len(each["text"]) for each in shown] == [3000, 3000, 3000] and all(each["cut"] for each in shown)
    shown = (await call("web_fetch", urls=urls, max_length=500)).output["pages"]
    assert [len(each["text"]) for each in shown] == [500, 500, 500]


async def test_a_result_is_never_larger_than_a_step_may_record(call: Call, wood: Wood) -> None:
    wide = page("Wald", "<p>" + "木の高さは三十一メートルです。" * 4000 + "</p>").encode()
    wood.more |= {f"/wide/{n}": (200, {"Content-Type": "text/html"}, wide) for n in range(4)}
    urls = [wood.url(f"/wide/{n}") for n in range(4)]
    result = await call("web_fetch", urls=urls, max_length=50_000, total_chars_cap=100_000)
    assert len(json.dumps(result.output)) < 200_000 and all(each["text"] for each in result.output["pages"])


async def test_few_requests_go_to_one_host_at_once(call: Call, wood: Wood) -> None:
    wood.wait_s = 0.05
    await call("web_fetch", urls=[wood.url(f"/oaks/{n}.html") for n in range(1, 11)], concurrency=10)
    assert wood.most_at_once == 4 and sum(wood.asked.values()) == 10


@pytest.mark.parametrize("arguments", [{}, {"url": "https://a.example/", "urls": ["https://b.example/"]}])
async def test_either_one_address_or_several(call: Call, arguments: dict[str, object]) -> None:
    result = await call("web_fetch", **arguments)
    assert (
        result.error and result.error.code == "tool.arguments_invalid" and "either url or urls" in result.error.message
    )


async def test_a_page_that_takes_too_long_to_take_apart_costs_its_process_and_no_more() -> None:
    readers = Readers(size=1, within_s=20)
    job = {"url": "https://a.example/", "media_type": "text/html", "charset": "", "compression": "", "limit": 10**6}
    assert (await readers.read(b"<p>Well now</p>", job))["text"].strip() == "Well now"
    readers._within_s = 0.001
    with pytest.raises(Unreadable, match="within"):
        await readers.read(page("Oak", f"<p>{fact(1)}</p>" * 20_000).encode(), job)
    readers._within_s = 20
    found = await asyncio.gather(*(readers.read(f"<p>Well now {n}</p>".encode(), job) for n in range(3)))
    assert ["now 2" in each["text"] for each in found] == [False, False, True]
    await readers.close()
