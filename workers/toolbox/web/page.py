"""What became of an address that was read: a page, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.common.errors import HartleyError


class PageRefused(HartleyError):
    """Something answered, and it can't be shown: another kind of content, an error, nothing legible."""

    code = "web.refused"


class StatusRefused(PageRefused):
    code = "web.status"

    def __init__(self, status: int) -> None:
        self.answered = status
        more = ": it redirects too often" if 300 <= status < 400 else ""
        super().__init__(f"It answered {status}{more}")


class KindRefused(PageRefused):
    """Its content type or its compression is none that is read."""

    code = "web.media_type"


class Unreadable(PageRefused):
    """It is too large or too tangled to be read in time."""

    code = "web.unreadable"


class TooLarge(PageRefused):
    """Of a file nothing may be missing."""

    code = "web.too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The file has more than {limit_bytes} bytes, which is the limit")


class RobotsForbid(PageRefused):
    """The site asks programs not to read this page by themselves."""

    code = "web.robots"


@dataclass(frozen=True)
class Link:
    url: str
    text: str


@dataclass(frozen=True)
class Page:
    """
    Attributes:
        url: that answered, after redirects.
        text: Markdown where the page was HTML, else as it came.
        published: a date such as `2024-03-05`, where the page names one.
        links: to other pages, in their order, none twice.
        whole: nothing was too long to be read.
    """

    url: str
    media_type: str
    title: str
    text: str
    published: str
    links: tuple[Link, ...]
    whole: bool

    @classmethod
    def of_read(cls, url: str, media_type: str, found: Mapping[str, Any], *, whole: bool) -> Page:
        links = tuple(Link(str(each), str(text)) for each, text in found["links"])
        return cls(
            url, media_type, str(found["title"]), str(found["text"]), str(found["published"]), links,
            whole and bool(found["whole"]),
        )  # fmt: skip


@dataclass(frozen=True)
class Failed:
    """An address that could not be read, in words for the model."""

    url: str
    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"url": self.url, "code": self.code, "message": self.message}


Outcome = Page | Failed
