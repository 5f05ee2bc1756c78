"""What people type into the forms of sources, as the API takes it; and a source as a form shows it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import QueryDict

from webapp.common.errors import Invalid
from webapp.common.values import JSON
from webapp.tool_sources import rules
from webapp.tool_sources.models import Kind, ToolSource

LISTS = ("tools", "tags", "reads")  # a name each line
NUMBERS = ("rate_per_minute", "timeout_s")
AUTH = ("auth", "key_in", "key_name")
SWITCHES = ("dangerous", "trust_changes")
TYPED = ("name", "kind", "address", "document", "server", "command", *SWITCHES, *AUTH, *LISTS, *NUMBERS)
MORE = ("key_name", "server", "command", *SWITCHES, *LISTS, *NUMBERS)  # what a new source's form has folded away
DIGITS = 9  # of a number; what is longer is above every limit, and is refused as it stands


def typed_in(given: QueryDict) -> dict[str, str]:
    """Without the secret, which no form shows again."""
    return {field: given.get(field, "").strip().replace("\r\n", "\n") for field in TYPED}


def typed_of(source: ToolSource) -> dict[str, str]:
    """The document is not among it: it may be large, and stays unless another one is given."""
    said, auth = source.settings, source.settings["auth"]
    typed = {"name": source.name, "kind": source.kind, "address": source.address, "document": ""}
    typed |= {"auth": auth["kind"], "key_in": auth.get("in", "header"), "key_name": auth.get("name", "")}
    typed |= {field: "\n".join(said.get(field, ())) for field in LISTS}
    typed |= {field: str(said[field]) for field in NUMBERS}
    typed |= {field: "1" if said.get(field) else "" for field in SWITCHES}
    return typed | {"server": said.get("server", ""), "command": said.get("command", "")}


def asked_new(typed: dict[str, str]) -> JSON:
    """What is left empty is not given."""
    asked: JSON = {field: typed[field] for field in ("name", "kind", "address", "document", "server") if typed[field]}
    asked |= {field: _lines(typed[field]) for field in LISTS if typed[field]}
    asked |= {field: _number(typed[field]) for field in NUMBERS if typed[field]}
    if typed["command"]:
        asked |= {"transport": "stdio", "command": typed["command"]}
    return asked | {"auth": _auth(typed), **_switched(typed)}


def asked_changes(typed: dict[str, str], source: ToolSource) -> JSON:
    """Only what is otherwise than it is. An address that is typed takes the place of a document that was given as text."""
    wanted: JSON = {
        "address": typed["address"],
        "server": typed["server"],
        "auth": _auth(typed),
        "transport": "stdio" if typed["command"] else "http",
        "command": typed["command"],
        **_switched(typed),
        **{field: _lines(typed[field]) for field in LISTS},
        "rate_per_minute": _number(typed["rate_per_minute"]) or rules.RATES[source.kind],
        "timeout_s": _number(typed["timeout_s"]) or rules.TIMEOUTS_S[source.kind],
    }
    known = {"trust_changes": False, **source.settings, "address": source.address}
    changes = {field: value for field, value in wanted.items() if field in known and value != known[field]}
    if typed["document"]:
        changes["document"] = typed["document"]
    elif source.document and changes.get("address"):
        changes["document"] = ""
    return changes


def form_of(typed: dict[str, str], error: Invalid | None = None) -> JSON:
    """What the templates of the fields take."""
    return {
        "typed": typed,
        "error": str(error).removeprefix(f"{error.field}: ") if error else "",
        "field": error.field if error else "",
        "auths": [
            ("none", "nothing"),
            ("bearer", "a bearer token"),
            ("api_key", "an API key"),
            ("basic", "name:password"),
        ],
        "commands": sorted({*settings.MCP_COMMANDS, *filter(None, [typed.get("command")])}),
        "limit_bytes": settings.SOURCE_DOCUMENT_BYTES,
        "secret_chars": rules.SECRET_CHARS,
        "rate_most": rules.RATE_MOST,
        "timeout_most_s": rules.TIMEOUT_MOST_S,
        "usual": {kind.value: {"rate": rules.RATES[kind], "timeout_s": rules.TIMEOUTS_S[kind]} for kind in Kind},
        "more": any(typed.get(field) for field in MORE) or (error is not None and error.field in MORE),
    }


def _auth(typed: dict[str, str]) -> JSON:
    auth: JSON = {"kind": typed["auth"] or "none"}
    return auth | {"in": typed["key_in"], "name": typed["key_name"]} if auth["kind"] == "api_key" else auth


def _switched(typed: dict[str, str]) -> JSON:
    return {field: typed[field] == "1" for field in SWITCHES}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _number(text: str) -> Any:
    """None: nothing was typed. What is no number is refused by the rules, which name the limit."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else text or None
