"""Tries an OpenAPI document without saving it: a process of its own reads it, as for a worker."""

from __future__ import annotations

from django.conf import settings

from webapp.common.apart import ask_apart
from webapp.common.errors import Invalid
from webapp.common.reach import reach
from webapp.common.values import JSON
from webapp.tool_sources import rules
from webapp.tool_sources.names import tool_name

CHECK = "workers.toolbox.openapi.check"


def tried(asked: JSON) -> JSON:
    """
    `{"valid": true, "title": "Pets", "version": "1.0", "server": "https://...", "tools": [{"name", "own_name",
    "description", "parameters"}], "left_out": [{"name", "reason"}]}`, or `{"valid": false, "reason": "..."}`.

    Args:
        asked: document; name, server, auth, tags and tools as for a source.
    Raises:
        Invalid
    """
    given = {field: value for field, value in asked.items() if field not in ("name", "document")}
    name = rules.check_name(asked.get("name") or "source")
    text = rules.check_document(asked.get("document"), settings.SOURCE_DOCUMENT_BYTES)
    said = rules.check_settings("openapi", given, reach=reach(), commands=())
    said = {field: said[field] for field in ("server", "auth", "tags", "tools")}
    try:
        answer = ask_apart(
            CHECK,
            {"text": text, "address": "", "source": name, "most": settings.SOURCE_TOOLS, **said},
            within_s=settings.SOURCE_READ_S,
        )
    except TimeoutError:
        raise Invalid(field="document", message=f"can't be read within {settings.SOURCE_READ_S:g} s") from None
    except ValueError:
        raise Invalid(field="document", message="takes more memory or time than it may") from None
    if "error" in answer:
        return {"valid": False, "reason": answer["error"]}
    found = answer["ok"]
    return {"valid": True, **found, "tools": [_tool(name, each) for each in found["tools"]]}


def _tool(source: str, tool: JSON) -> JSON:
    shown = {field: tool[field] for field in ("description", "parameters")}
    return {"name": tool_name(source, tool["name"]), "own_name": tool["name"], **shown}
