"""What a tenant may say of a source. Pure: what depends on the installation comes as arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from webapp.common.addresses import AddressRefused, Reach
from webapp.common.errors import Invalid
from webapp.common.values import JSON, storable

NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
VALIDATE = "validate"  # the API's word for trying a document, where names stand
KINDS = ("openapi", "mcp")
AUTHS = ("none", "api_key", "bearer", "basic")
TRANSPORTS = ("http", "stdio")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
QUERY = re.compile(r"[A-Za-z0-9_.\[\]-]{1,100}")
HEADERS_NOT = frozenset(
    {"accept", "connection", "content-length", "content-type", "expect", "host", "te", "trailer", "transfer-encoding",
     "upgrade", "idempotency-key"}
)  # fmt: skip
SECRET_CHARS = 4000
WORDS, WORD_CHARS = 200, 200
RATES = {"openapi": 30, "mcp": 60}  # calls a minute of one tool, when the tenant names none
RATE_MOST = 600
TIMEOUTS_S = {"openapi": 30, "mcp": 10}
TIMEOUT_MOST_S = 120
LIMITS = ("rate_per_minute", "timeout_s", "dangerous", "trust_changes")
FIELDS = {
    "openapi": ("auth", "tools", "tags", "server", *LIMITS),
    "mcp": ("auth", "tools", "reads", "transport", "command", *LIMITS),
}
# What may change without another look: it neither moves the source nor chooses among its tools.
LIGHT = frozenset({"reads", *LIMITS, "is_enabled"})


def check_name(name: Any) -> str:
    """
    Raises:
        Invalid
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or name == VALIDATE:
        raise Invalid(
            field="name", message=f"must be 1 to 30 of a-z, 0-9 and _, beginning with a letter, not {VALIDATE}"
        )
    return name


def check_kind(kind: Any) -> str:
    """
    Raises:
        Invalid
    """
    if kind not in KINDS:
        raise Invalid(field="kind", message=f"must be one of {', '.join(KINDS)}")
    return str(kind)


def check_settings(kind: str, given: JSON, *, reach: Reach, commands: Collection[str]) -> JSON:
    """
    All settings of this kind, with defaults for what is not given.

    Args:
        commands: names of commands that may be started here.
    Raises:
        Invalid: names the field; also one that this kind does not have.
    """
    if odd := sorted(set(given) - set(FIELDS[kind])):
        raise Invalid(field=str(odd[0])[:60], message=f"is nothing that this kind has: {', '.join(FIELDS[kind])}")
    checks: dict[str, Callable[[Any], Any]] = {
        "auth": _auth,
        "tools": lambda value: _words("tools", value),
        "tags": lambda value: _words("tags", value),
        "reads": lambda value: _words("reads", value, none="none"),
        "server": lambda value: _server(value, reach),
        "transport": _transport,
        "command": lambda value: _command(value, commands, wanted=given.get("transport") == "stdio"),
        "rate_per_minute": lambda value: _whole("rate_per_minute", value, RATES[kind], RATE_MOST),
        "timeout_s": lambda value: _whole("timeout_s", value, TIMEOUTS_S[kind], TIMEOUT_MOST_S),
        "dangerous": lambda value: _yes_or_no("dangerous", value),
        "trust_changes": lambda value: _yes_or_no("trust_changes", value),
    }
    said = {field: checks[field](given.get(field)) for field in FIELDS[kind]}
    if not said["trust_changes"]:
        del said["trust_changes"]  # releases that don't know it can then still change the source
    return said


def check_place(kind: str, settings: JSON, address: Any, document: Any, *, reach: Reach, document_bytes: int) -> None:
    """
    Exactly one of an address, a document as text and a command.

    Raises:
        Invalid
    """
    if kind == "mcp":
        if document:
            raise Invalid(field="document", message="is for OpenAPI: an MCP server tells its tools itself")
        if settings["transport"] == "stdio":
            if address:
                raise Invalid(field="address", message="must be empty: a command is started here")
            return
    elif bool(address) == bool(document):
        raise Invalid(field="address", message="give either the document's address or its text")
    if document:
        check_document(document, document_bytes)
        return
    check_address("address", address, reach)


def check_document(text: Any, limit_bytes: int) -> str:
    """
    Raises:
        Invalid
    """
    if not isinstance(text, str) or not text.strip():
        raise Invalid(field="document", message="must be the text of an OpenAPI document, as JSON or YAML")
    size = len(text.encode("utf-8", "replace"))
    if size > limit_bytes:
        raise Invalid(field="document", message=f"has {size} bytes; the limit is {limit_bytes}")
    return str(storable(text))


def check_address(field: str, address: Any, reach: Reach) -> str:
    """
    Raises:
        Invalid
    """
    try:
        reach.target(address)
    except AddressRefused as error:
        raise Invalid(field=field, message=str(error)) from None
    return str(address)


def check_secret(auth: JSON, secret: Any) -> str:
    """
    "" for a source that is not signed in to.

    Raises:
        Invalid: never quotes it.
    """
    if auth["kind"] == "none":
        if secret:
            raise Invalid(field="secret", message="is given, but no way of signing in (auth)")
        return ""
    if not isinstance(secret, str) or not 1 <= len(secret) <= SECRET_CHARS:
        raise Invalid(field="secret", message=f"must be a text of 1 to {SECRET_CHARS} characters")
    if auth["kind"] == "basic":
        if ":" not in secret or not secret.isprintable():
            raise Invalid(field="secret", message="must be name:password")
    elif not secret.isascii() or not secret.isprintable() or " " in secret:
        raise Invalid(field="secret", message="must be printable ASCII without spaces")
    return secret


def _auth(given: Any) -> JSON:
    given = {"kind": "none"} if given is None else given
    kind = given.get("kind") if isinstance(given, dict) else None
    if kind not in AUTHS:
        raise Invalid(field="auth", message=f"must be an object whose kind is one of {', '.join(AUTHS)}")
    if odd := sorted(set(given) - {"kind", "in", "name"}):
        raise Invalid(field="auth", message=f"may not have {str(odd[0])[:60]!r}")
    if kind != "api_key":
        return {"kind": kind}
    place, name = given.get("in"), given.get("name")
    pattern = {"header": HEADER, "query": QUERY}.get(place) if isinstance(place, str) else None
    if pattern is None:
        raise Invalid(field="auth", message="in must be header or query")
    if not isinstance(name, str) or not pattern.fullmatch(name) or (place == "header" and name.lower() in HEADERS_NOT):
        raise Invalid(field="auth", message=f"name must be that of a {place} which carries the key, e.g. X-API-Key")
    return {"kind": kind, "in": place, "name": name}


def _words(field: str, given: Any, none: str = "all") -> list[str]:
    given = [] if given is None else given
    if not isinstance(given, list) or len(given) > WORDS:
        raise Invalid(field=field, message=f"must be a list of at most {WORDS} names; an empty one means {none}")
    if not all(isinstance(word, str) and 1 <= len(word) <= WORD_CHARS for word in given):
        raise Invalid(field=field, message=f"must hold names of 1 to {WORD_CHARS} characters")
    return list(dict.fromkeys(storable(given)))


def _server(given: Any, reach: Reach) -> str:
    if not given:
        return ""
    if isinstance(given, str) and "?" in given:
        raise Invalid(field="server", message="must have no part after ?: paths are put behind it")
    return check_address("server", given, reach)


def _transport(given: Any) -> str:
    given = given or "http"
    if given not in TRANSPORTS:
        raise Invalid(field="transport", message=f"must be one of {', '.join(TRANSPORTS)}")
    return str(given)


def _command(given: Any, commands: Collection[str], *, wanted: bool) -> str:
    if not wanted:
        if given:
            raise Invalid(field="command", message="is for the transport stdio")
        return ""
    if not isinstance(given, str) or given not in commands:
        known = ", ".join(sorted(commands)) or "none"
        raise Invalid(field="command", message=f"must be one that this installation's operator allows: {known}")
    return given


def _whole(field: str, given: Any, default: int, most: int) -> int:
    if given is None:
        return default
    if type(given) is not int or not 1 <= given <= most:
        raise Invalid(field=field, message=f"must be a whole number from 1 to {most}")
    return given


def _yes_or_no(field: str, given: Any) -> bool:
    if given is not None and not isinstance(given, bool):
        raise Invalid(field=field, message="must be true or false")
    return bool(given)
