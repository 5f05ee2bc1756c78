"""From events to frames of a stream: names, filters, where to resume. Pure."""

from __future__ import annotations

import json
import re
from uuid import UUID

from webapp.common.values import JSON

NAMES = {
    "LLM_PARTIAL": "thread.message.delta",
    "LLM_OUTPUT": "thread.message.completed",
    "ERROR_OCCURRED": "error",
    "STREAM_END": "done",
    "WORKFLOW_PAUSING": "workflow.pausing",
    "WORKFLOW_PAUSED": "workflow.paused",
    "WORKFLOW_RESUMED": "workflow.resumed",
    "WORKFLOW_CANCELLING": "workflow.cancelling",
    "WORKFLOW_CANCELLED": "workflow.cancelled",
}
TYPES = {name: type_ for type_, name in NAMES.items()}
END = "STREAM_END"


def wanted_types(given: str | None) -> frozenset[str] | None:
    """The filter, in internal names whichever spelling was used; None for everything."""
    words = [word.strip() for word in (given or "").split(",") if word.strip()]
    return frozenset(TYPES.get(word, word) for word in words) or None


def passes(type_: str, wanted: frozenset[str] | None) -> bool:
    """The end always passes: without it a client would wait for ever."""
    return wanted is None or type_ in wanted or type_ == END


def resume_after(header: str | None, query: str | None) -> int | None:
    """
    The number to go on after: the header wins and junk in it is ignored; None when the query is not a number.

    A number may have the form `ms-n` that older clients kept; its first part counts.
    """
    for given, forgiven in ((header, True), (query, False)):
        if given:
            found = re.fullmatch(r"(\d{1,15})(-\d+)?", given)
            if found:
                return int(found.group(1))
            if not forgiven:
                return None
    return 0


def places(given: str | None) -> dict[UUID, int]:
    """Where a reader of several tasks stands: `<task>:<seq>,...`; what can't be read counts as the beginning."""
    found = re.findall(r"([0-9a-f-]{36}):(\d{1,15})(?:,|$)", given or "")
    return {UUID(task): int(seq) for task, seq in found if _is_id(task)}


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def frame(body: JSON) -> str:
    """One event in the form of a stream. ASCII on a single line: some clients split at Unicode line ends."""
    name = NAMES.get(body["type"], body["type"])
    data = "[DONE]" if body["type"] == END else json.dumps(_data(body))
    return f"id: {body['seq']}\nevent: {name}\ndata: {data}\n\n"


def _data(body: JSON) -> JSON:
    if body["type"] not in NAMES or body["type"] == "ERROR_OCCURRED":
        return body
    common = {key: body[key] for key in ("workflow_id", "agent_id", "message", "timestamp", "seq", "stream_id")}
    if body["type"] == "LLM_OUTPUT":
        return {**common, "response": body["message"], "metadata": body.get("payload")}
    payload = body.get("payload") or {}
    return {**common, **{key: payload[key] for key in ("checkpoint", "reason", "was_paused") if key in payload}}
