"""
The process in which pages are taken apart: it has no environment and little memory, and is killed when it is late.

Reads frames of a page each, and answers with its title, text, date and links, or with the reason why there is none.
Trafilatura finds what is the page's own, without menus and footers.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from lxml.etree import LxmlError
from lxml.html import HtmlElement, document_fromstring
from trafilatura import extract, extract_metadata, html2txt
from trafilatura.utils import load_html

from sandbox.child import take_pipes
from sandbox.confine import limit_data
from sandbox.frames import read_frame, write_frame
from workers.toolbox.web.addresses import key, linked
from workers.toolbox.web.body import BodyBroken, decoded, decompressed

LINKS = 500
LINK_CHARS, TITLE_CHARS = 200, 300
HTML = ("text/html", "application/xhtml+xml")
TRIAL = b"<html><head><title>a</title></head><body><p>On 5 March 2024 this was written.</p></body></html>"


def main() -> None:
    """The argument: bytes of memory."""
    jobs, answers = take_pipes()
    read(
        TRIAL,
        {"url": "https://example.com/", "media_type": "text/html", "charset": "", "compression": "", "limit": 999},
    )
    limit_data(int(sys.argv[1]))
    write_frame(answers, {"ready": True})
    while (job := read_frame(jobs)) is not None:
        write_frame(answers, answer(job.blobs[0], job.value))


def answer(body: bytes, job: dict[str, Any]) -> dict[str, Any]:
    """Whatever a page does to the libraries is the page's fault, and is told so."""
    try:
        return read(body, job)
    except BodyBroken as error:
        return {"refused": str(error)}
    except (MemoryError, RecursionError, ValueError, LookupError, AttributeError, TypeError, OSError, LxmlError):
        return {"refused": "It could not be taken apart"}


def read(body: bytes, job: dict[str, Any]) -> dict[str, Any]:
    """
    Args:
        job: `{"url", "media_type", "charset", "compression", "limit"}`, the last in bytes once decompressed.
    Raises:
        BodyBroken
    """
    found, whole = decompressed(body, job["compression"], job["limit"])
    text = decoded(found, job["charset"])
    shown = _html(text, job["url"]) if job["media_type"] in HTML else _plain(text, job["media_type"])
    return {**shown, "whole": whole}


def _plain(text: str, media_type: str) -> dict[str, Any]:
    if media_type.endswith("json"):
        try:
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
        except (ValueError, RecursionError):
            pass  # shown as it came
    return {"title": "", "text": text, "published": "", "links": []}


def _html(text: str, url: str) -> dict[str, Any]:
    tree = _tree(text)
    if tree is None:
        return {"title": "", "text": "", "published": "", "links": []}
    links = _links(tree, url)
    told = extract_metadata(tree, default_url=url)
    return {
        "title": (told.title or "")[:TITLE_CHARS],
        "text": _main_text(text, tree, url),
        "published": told.date or "",
        "links": links,
    }


def _tree(text: str) -> HtmlElement | None:
    """Trafilatura takes nothing that is hardly HTML, such as a paragraph alone."""
    tree = load_html(text)
    return document_fromstring(text) if tree is None and text.strip() else tree


def _main_text(text: str, tree: HtmlElement, url: str) -> str:
    """Where nothing looks like the page's own text, all of it."""
    found = extract(
        text, url=url, output_format="markdown", include_comments=False, include_formatting=True, favor_recall=True,
        fast=True,
    )  # fmt: skip
    return found or html2txt(text) or str(tree.text_content()).strip()


def _links(tree: HtmlElement, url: str) -> list[tuple[str, str]]:
    base = tree.find(".//base[@href]")
    start = (linked(url, base.get("href")) if base is not None else None) or url
    found: dict[str, tuple[str, str]] = {}
    for each in tree.iterfind(".//a[@href]"):
        there = linked(start, each.get("href"))
        if there is not None and len(there) <= 2000:
            words = " ".join(each.text_content().split())
            found.setdefault(_key(there), (there, words[:LINK_CHARS]))
        if len(found) == LINKS:
            break
    return list(found.values())


def _key(url: str) -> str:
    try:
        return key(url)
    except ValueError:
        return url


if __name__ == "__main__":
    main()
