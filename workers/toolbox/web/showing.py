"""Pages as a model is shown them: each cut to its length, all together to one. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from webapp.common.values import storable
from workers.toolbox.tool import ToolResult
from workers.toolbox.web.page import Failed, Outcome, Page

JSON_BYTES = 160 * 1024  # of a result, well below what a step may record
FAILED_SHOWN = 20


class Showing:
    """
    Args:
        each_chars: of one page's text.
        total_chars: of all texts together; what short pages leave goes to those after them.
        links: of each page that are shown.
    """

    def __init__(self, *, each_chars: int, total_chars: int, links: int = 0) -> None:
        self._each, self._left, self._links = each_chars, total_chars, links
        self._bytes = JSON_BYTES

    def result(self, outcomes: Sequence[Outcome], **more: Any) -> ToolResult:
        """
        `{"ok": true, "pages": [{"url", "title", "published", "media_type", "text", "cut"}], "failed": [{"url", "code",
        "message"}]}`; a failure when there is no page at all.
        """
        failed = [each for each in outcomes if isinstance(each, Failed)]
        pages = [each for each in outcomes if isinstance(each, Page)]
        if failed and not pages:
            return ToolResult.failure(failed[0].code, _told(failed))
        output: dict[str, Any] = {"pages": [self._page(page, len(pages) - n) for n, page in enumerate(pages)], **more}
        if failed:
            output["failed"] = [each.to_json() for each in failed[:FAILED_SHOWN]]
        return ToolResult.success(output)

    def _page(self, page: Page, pages_left: int) -> dict[str, Any]:
        plain = storable(page.text)
        head: dict[str, Any] = {
            "url": page.url,
            "title": page.title,
            "published": page.published,
            "media_type": page.media_type,
        }
        size = self._bytes // pages_left
        if self._links:
            head["links"] = _some(
                [{"url": link.url, "text": link.text} for link in page.links[: self._links]], size // 2
            )
        text = _cut(plain, min(self._each, self._left // pages_left), size - len(json.dumps(head)))
        self._left -= len(text)
        shown = {**head, "text": text, "cut": len(text) < len(plain) or not page.whole}
        self._bytes -= len(json.dumps(shown))
        return shown


def _told(failed: Sequence[Failed]) -> str:
    return failed[0].message if len(failed) == 1 else "; ".join(f"{f.url[:200]}: {f.message}" for f in failed[:5])


def _some(links: list[dict[str, str]], most_bytes: int) -> list[dict[str, str]]:
    while links and len(json.dumps(links)) > most_bytes:
        links = links[: len(links) // 2]
    return links


def _cut(text: str, chars: int, most_bytes: int) -> str:
    text, most_bytes = text[: max(0, chars)], max(0, most_bytes)
    while (size := len(json.dumps(text)) - 2) > most_bytes:
        text = text[: len(text) * most_bytes // size]
    return text
