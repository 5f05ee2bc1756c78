"""
A checked OpenAPI document's operations as tools. Pure.

Each becomes a tool whose arguments are its parameters, and `body`. What this can't call is named with the reason: a body
in parts, cookies, sign-in by OAuth2 without a token, a server of its own, references to other documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from webapp.common.values import JSON
from workers.toolbox.openapi.reading import DocumentRefused
from workers.toolbox.outer_schemas import Unfit, fit, follow

METHODS = ("get", "head", "post", "put", "patch", "delete")
STYLES = {
    "path": ("simple",),
    "header": ("simple",),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
}
OURS = frozenset(
    {
        "accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "cookie", "expect",
        "host", "idempotency-key", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
        "x-http-method", "x-http-method-override", "x-method-override",  # by which one that reads would act
    }
)  # fmt: skip
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
PARAMETER_CHARS, PATH_CHARS = 200, 1000
ODD = re.compile(r"[^A-Za-z0-9_.-]")  # in names of arguments models' interfaces take no others
JSON_TYPE = re.compile(r"application/([\w.-]+\+)?json(;.*)?", re.I)
FORM_TYPE = "application/x-www-form-urlencoded"


def base_of(document: JSON, *, address: str, server: str) -> str:
    """
    Where all operations are called, without a slash at its end.

    Args:
        address: the document's own; "" when it was given as text.
        server: the tenant's word, which counts before the document's.
    Raises:
        DocumentRefused: nobody said where, or a document that was fetched names another origin than its own, which
            the tenant must have said: the secret goes there.
    """
    if server:
        return server.rstrip("/")
    servers = document.get("servers") or [{"url": "/"}]
    named = _filled(servers[0])
    base = urljoin(address, named) if address else named
    if urlsplit(base).scheme not in ("http", "https"):
        raise DocumentRefused("It does not say at which server it is: give its address as `server`.")
    if address and _origin(base) != _origin(address):
        raise DocumentRefused(
            f"It names a server of another origin than its own, {_origin(base)}: give it as `server`."
        )
    return base.split("?")[0].split("#")[0].rstrip("/")


def operations(document: JSON, *, base: str, tags: frozenset[str], auth: JSON) -> Iterator[JSON]:
    """
    Args:
        tags: of which an operation needs one; none: all operations.
        auth: how the tenant signs in, as in the source's settings.
    """
    for path, item in (document.get("paths") or {}).items():
        for method in METHODS:
            found = item.get(method) if isinstance(item, dict) else None
            if (
                isinstance(found, dict)
                and path.startswith("/")
                and (not tags or tags & set(map(str, found.get("tags", ()))))
            ):
                yield _tool(document, item, path, method, base=base, auth=auth)


def _tool(document: JSON, item: JSON, path: str, method: str, *, base: str, auth: JSON) -> JSON:
    operation = item[method]
    name = str(operation.get("operationId") or f"{method} {path}")
    try:
        if operation.get("servers") or item.get("servers"):
            raise Unfit("It is at a server of its own")
        if len(path) > PATH_CHARS:
            raise Unfit(f"Its path has more than {PATH_CHARS} characters")
        _check_security(document, operation, auth)
        parameters, sent = _parameters(document, item, operation, auth)
        body = _body(document, operation, parameters)
        call = {"method": method.upper(), "base": base, "path": path, "parameters": sent, "body": body}
        return {"name": name, "description": _description(operation, method, path), "call": call} | {
            "parameters": fit(parameters, document)
        }
    except Unfit as unfit:
        return {"name": name, "reason": str(unfit)}


def _parameters(document: JSON, item: JSON, operation: JSON, auth: JSON) -> tuple[JSON, list[JSON]]:
    """The schema of the arguments, and where each of them goes."""
    found: dict[tuple[str, str], JSON] = {}
    for each in [*item.get("parameters", ()), *operation.get("parameters", ())]:
        parameter = follow(each, document)
        found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
    schema: JSON = {"type": "object", "properties": {}, "required": []}
    sent = []
    for (place, name), parameter in found.items():
        if _is_ours(place, name, auth):
            continue
        if place not in STYLES:
            if parameter.get("required"):
                raise Unfit(f"Its parameter {name!r} goes into a {place}")
            continue
        if len(name) > PARAMETER_CHARS or (place == "header" and not HEADER.fullmatch(name)):
            raise Unfit(f"Its parameter {name[:PARAMETER_CHARS]!r} has no name that a request can have")
        argument = _argument(name, place, schema["properties"])
        schema["properties"][argument] = _schema(parameter)
        if parameter.get("required") or place == "path":
            schema["required"].append(argument)
        sent.append({"argument": argument, "name": name, "in": place, **_style(parameter, place)})
    return schema, sent


def _is_ours(place: str, name: str, auth: JSON) -> bool:
    """What Hartley itself says, models don't."""
    if place == "header" and name.lower() in OURS:
        return True
    return auth.get("kind") == "api_key" and (place, name.lower()) == (auth.get("in"), str(auth.get("name")).lower())


def _schema(parameter: JSON) -> JSON:
    content = dict(next(iter((parameter.get("content") or {}).values()), {}))
    schema = dict(parameter.get("schema") or content.get("schema") or {})
    return {**schema, "description": parameter["description"]} if parameter.get("description") else schema


def _style(parameter: JSON, place: str) -> JSON:
    if parameter.get("content"):
        return {"style": "json", "explode": False}
    style = parameter.get("style") or STYLES[place][0]
    if style not in STYLES[place]:
        raise Unfit(f"Its parameter {str(parameter.get('name'))!r} is written in the style {style}")
    return {"style": style, "explode": bool(parameter.get("explode", style == "form"))}


def _argument(name: str, place: str, taken: JSON) -> str:
    plain = ODD.sub("_", name)[:60] or "value"
    for argument in (plain, f"{plain}_{place}"[:64]):
        if argument not in taken and argument != "body":
            return argument
    raise Unfit(f"It has several parameters that are called {plain!r}")


def _body(document: JSON, operation: JSON, parameters: JSON) -> str:
    """`json`, `form`, `text`, or "" for none; the argument is added to the parameters."""
    if not operation.get("requestBody"):
        return ""
    body = follow(operation["requestBody"], document)
    content: dict[str, Any] = body.get("content") or {}
    for kind, media in content.items():
        how = "json" if JSON_TYPE.fullmatch(kind) else {FORM_TYPE: "form", "text/plain": "text"}.get(kind)
        if how:
            schema = dict(media.get("schema") or {})
            if body.get("description"):
                schema.setdefault("description", body["description"])
            parameters["properties"]["body"] = schema
            if body.get("required"):
                parameters["required"].append("body")
            return how
    if body.get("required"):
        raise Unfit(f"Its body is of a kind that can't be made: {', '.join(content)[:100] or 'none is named'}")
    return ""


def _check_security(document: JSON, operation: JSON, auth: JSON) -> None:
    """
    Raises:
        Unfit: each way of signing in needs what the tenant's does not give.
    """
    ways = operation.get("security", document.get("security")) or [{}]
    schemes = (document.get("components") or {}).get("securitySchemes") or {}
    kinds = [{str(schemes.get(name, {}).get("type")) for name in way} for way in ways]
    if all("mutualTLS" in way for way in kinds):
        raise Unfit("It takes a certificate of the caller")
    if all(way & {"oauth2", "openIdConnect"} for way in kinds) and auth.get("kind") != "bearer":
        raise Unfit("It takes OAuth2: register the source with a bearer token")


def _description(operation: JSON, method: str, path: str) -> str:
    words = [str(operation[word]).strip() for word in ("summary", "description") if operation.get(word)]
    said = " - ".join(dict.fromkeys(words))
    return f"{'Deprecated. ' if operation.get('deprecated') is True else ''}{said} ({method.upper()} {path})".strip()


def _filled(server: JSON) -> str:
    """A server's address with its variables as they are by default."""
    url = str(server.get("url", "/"))
    for name, variable in (server.get("variables") or {}).items():
        url = url.replace("{" + name + "}", str(variable.get("default", "")))
    return url


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
