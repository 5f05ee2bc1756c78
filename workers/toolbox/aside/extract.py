"""Makes readable text of a page or document: title, text, links. Pure; the libraries are large and the pages hostile."""

from __future__ import annotations

from typing import Any

import trafilatura
from lxml import etree, html
from markdown_it import MarkdownIt
from trafilatura.utils import decode_file

from workers.toolbox.refused import Refused

LINKS_SHOWN = 200
LINK_CHARS = 2000
TITLE_CHARS = 500
OTHERS = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "an archive or office document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
}
SAMPLE = b"""<html><head><title>T</title></head><body><nav><a href='/'>Home</a></nav><article><h1>T</h1>
<p>A paragraph of some length that says what there is to say about it, on 3 March 2020.</p></article></body></html>"""


def warm_up() -> None:
    for format in ("html", "markdown", "plain"):
        do({"format": format, "links": True, "most": 100}, (SAMPLE,))


def do(asked: dict[str, Any], blobs: tuple[bytes, ...]) -> dict[str, Any]:
    """
    Args:
        asked: `{"format": "html", "links": false, "most": 20000}`, of characters; blobs: the document.
    Raises:
        Refused: not text, or nothing in it can be read.
    """
    kind = next((name for start, name in OTHERS.items() if blobs[0].startswith(start)), None)
    if kind:
        raise Refused("extract_text.unreadable", f"it is {kind}; HTML, Markdown and plain text can be read")
    title, text, links = READERS[asked["format"]](blobs[0])
    shown = text[: asked["most"]]
    found: dict[str, Any] = {"title": title[:TITLE_CHARS], "text": shown, "chars": len(text)}
    found["truncated"] = len(shown) < len(text)
    if asked["links"]:
        found["links"] = links
    return found


def _of_html(data: bytes) -> tuple[str, str, list[dict[str, str]]]:
    """The page's main part where one is to be found, else all its words."""
    page = decode_file(data)
    tree = _tree(page)
    title, links = _title(tree), _links(tree)
    text = trafilatura.extract(page, output_format="markdown", include_comments=False) or _words(tree)
    return title, text.strip(), links


def _tree(page: str) -> Any:
    """
    Raises:
        Refused
    """
    try:
        parser = html.HTMLParser(encoding="utf-8", no_network=True)
        return html.document_fromstring(page.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        raise Refused("extract_text.unreadable", "no HTML is to be found in it") from None


def _words(tree: Any) -> str:
    etree.strip_elements(tree, "script", "style", "noscript", "template", "title", with_tail=False)
    return _tidy(tree.text_content())


def _tidy(text: str) -> str:
    return "\n".join(line for line in (" ".join(line.split()) for line in text.splitlines()) if line)


def _of_markdown(data: bytes) -> tuple[str, str, list[dict[str, str]]]:
    """Without its signs; raw HTML in it is left out."""
    shown = MarkdownIt("commonmark", {"html": False}).enable("table").render(_decoded(data))
    if not shown.strip():
        return "", "", []
    tree = html.fromstring(f"<div>{shown}</div>")
    headings = tree.xpath("//h1|//h2|//h3")
    return (headings[0].text_content().strip() if headings else ""), _tidy(tree.text_content()), _links(tree)


def _of_plain(data: bytes) -> tuple[str, str, list[dict[str, str]]]:
    text = _decoded(data)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first, text, []


READERS = {"html": _of_html, "markdown": _of_markdown, "plain": _of_plain}


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("extract_text.unreadable", "it is not text in UTF-8") from None


def _title(tree: Any) -> str:
    found = tree.xpath("string(//title)").strip() or tree.xpath("string(//h1)").strip()
    return str(found)


def _links(tree: Any) -> list[dict[str, str]]:
    """The first 200 that lead somewhere, each once, as they are written."""
    found: dict[str, str] = {}
    for link in tree.iter("a"):
        url = (link.get("href") or "").strip()
        if url and url not in found and not url.lower().startswith(("javascript:", "data:", "#")):
            found[url[:LINK_CHARS]] = " ".join(
                etree.tostring(link, method="text", encoding="unicode", with_tail=False).split()
            )
        if len(found) == LINKS_SHOWN:
            break
    return [{"url": url, "text": text[:TITLE_CHARS]} for url, text in found.items()]
