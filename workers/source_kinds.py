"""The kinds of sources that a worker can ask for their tools."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache, partial

from django.conf import settings

from webapp.common.apart import TooManyAtOnce, ask_apart
from webapp.common.reach import reach
from webapp.common.values import JSON
from workers.mcp_sources import mcp_sources
from workers.services import services
from workers.toolbox.openapi.kind import OpenApiSources
from workers.toolbox.sources import SourceFailed, SourceKind

__all__ = ["SourceFailed", "SourceKind", "kinds"]
WAIT_S = 20.0  # while as many documents are being read as may


@cache
def kinds() -> Mapping[str, SourceKind]:
    """By what the source's row says. A kind that is not here can't be looked at, and gives no tools."""
    return {
        "mcp": mcp_sources(services().mcp),
        "openapi": OpenApiSources(
            reach(),
            read=_read_document,
            document_bytes=settings.SOURCE_DOCUMENT_BYTES,
            answer_bytes=settings.SOURCE_ANSWER_BYTES,
        ),
    }


async def _read_document(asked: JSON) -> JSON:
    within_s = settings.SOURCE_READ_S
    ask = partial(ask_apart, "workers.toolbox.openapi.check", asked, within_s=within_s, wait_s=WAIT_S)
    try:
        return await asyncio.to_thread(ask)
    except TimeoutError:
        return {"error": f"It can't be read within {within_s:g} s."}
    except TooManyAtOnce as error:
        return {"error": f"{error}."}
    except ValueError:
        return {"error": "Reading it takes more memory or time than it may."}
