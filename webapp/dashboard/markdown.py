"""An answer as formatted text. Models and tools write what they like: no HTML of theirs, no scripts, no foreign images."""

from __future__ import annotations

import re
from collections.abc import Mapping

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

TAGS = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol",
    "li", "table", "thead", "tbody", "tr", "th", "td", "a", "img",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt"}, "ol": {"start"}, "th": {"align"}, "td": {"align"}}
OWN_FILE = re.compile(r"/tasks/[0-9a-f-]{36}/files/[0-9a-f]{64}")
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def formatted(text: str, files: Mapping[str, str]) -> SafeString:
    """`files` maps names to our own addresses: only such images are shown, by the name that the answer uses."""
    html = re.sub(r'style="text-align:(left|center|right)"', r'align="\1"', _markdown.render(text))

    def kept(tag: str, attribute: str, value: str) -> str | None:
        if (tag, attribute) == ("img", "src"):
            address = files.get(value.rpartition("/")[2], value)
            return address if OWN_FILE.fullmatch(address) else None
        return value

    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=kept,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(_headings_below(clean))


def _headings_below(html: str) -> str:
    """The page has its own h1 and h2: what an answer brings begins at h3, and no level is left out on the way down."""
    used = sorted(set(re.findall(r"<h([1-6])>", html)))
    last = 2

    def placed(found: re.Match[str]) -> str:
        nonlocal last
        if not found[1]:
            last = min(3 + used.index(found[2]), last + 1, 6)
        return f"<{found[1]}h{last}>"

    return re.sub(r"<(/?)h([1-6])>", placed, html)
