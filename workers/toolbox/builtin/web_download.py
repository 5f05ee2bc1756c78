"""Puts a file from the web among the session's files, as it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from workers.toolbox.builtin.session_paths import OWN_PATH, free_for_a_file
from workers.toolbox.builtin.web_schema import ADDRESS, browser_of
from workers.toolbox.egress import AddressRefused, RequestFailed
from workers.toolbox.refused import Refused
from workers.toolbox.tool import Tool, ToolContext, ToolResult
from workers.toolbox.web.page import PageRefused

NAMELESS = "download"
ODD = re.compile(r"[^\w.-]+", re.ASCII)
NAME_CHARS = 100
SHOWN_KIND_CHARS = 100


class WebDownload(Tool):
    """Computes, as web_fetch does: it changes nothing but the session's own files."""

    name = "web_download"
    description = (
        "Downloads a file of any kind, such as a data set, into the session's files, where other tools and code "
        "(/workspace) find it. Gives its path, size, type and SHA-256."
    )
    category = "web"
    branch = "web_search"
    effect = "computes"
    untrusted = True  # the address it ends up at, and the type that the server names
    uses_workspace = True
    timeout_s = 120.0
    rate_per_minute = 30
    concurrency = 4
    parameters = {
        "type": "object",
        "properties": {
            "url": {**ADDRESS, "description": "A file, https or http."},
            "path": {**OWN_PATH, "description": "Where it goes; without it, its name in the address."},
        },
        "required": ["url"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        url = arguments["url"]
        try:
            path = free_for_a_file(context, arguments.get("path") or named_in(url))
            answer = await browser_of(context).download(url)
        except (AddressRefused, RequestFailed, PageRefused, Refused) as error:
            return ToolResult.failure(error.code, str(error))
        shown = {
            "path": path,
            "url": answer.url,
            "media_type": answer.headers.get("content-type", "")[:SHOWN_KIND_CHARS],
            "size_bytes": len(answer.body),
            "sha256": hashlib.sha256(answer.body).hexdigest(),
        }
        result = ToolResult.success(shown | {"workspace": {"changed": [path]}})
        return replace(result, changed={path: answer.body})


def named_in(url: str) -> str:
    """A name for the file: the last part of the address, in letters that any system takes."""
    try:
        last = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    except ValueError:  # the guard says what is wrong with it
        return NAMELESS
    return ODD.sub("-", last).strip(".-")[-NAME_CHARS:] or NAMELESS
