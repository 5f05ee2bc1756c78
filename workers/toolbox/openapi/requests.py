"""The request that a call of an operation is, in the styles that OpenAPI 3 has for parameters. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from webapp.common.values import JSON

DECODED = 4  # times, by proxies one behind the other
BETWEEN = {"form": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C"}
MEDIA_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
}


class ArgumentRefused(Exception):
    """An argument fits the schema and can't be written where it belongs; the message is for the model."""


@dataclass(frozen=True)
class Request:
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)


def request_of(call: JSON, arguments: Mapping[str, Any]) -> Request:
    """
    Without what signs in.

    Args:
        call: `{"method", "base", "path", "parameters", "body"}` as `operations` makes it.
    Raises:
        ArgumentRefused
    """
    path, query = str(call["path"]), list[str]()
    headers = {"Accept": "application/json, */*;q=0.5"}
    for each in call["parameters"]:
        value = arguments.get(each["argument"])
        if value is None:
            continue
        if each["in"] == "path":
            path = path.replace("{" + each["name"] + "}", _in_path(each, value))
        elif each["in"] == "header":
            headers[each["name"]] = _in_header(each, value)
        else:
            query += _in_query(each, value)
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise ArgumentRefused("the parts of its path make '.' or '..' together")
    content = _content(call["body"], arguments.get("body"))
    if content is not None:
        headers["Content-Type"] = MEDIA_TYPES[call["body"]]
    return Request(call["method"], f"{call['base']}{path}{'?' + '&'.join(query) if query else ''}", headers, content)


def signed(request: Request, auth: JSON, secret: str) -> Request:
    """
    The request with what signs in.

    Raises:
        ArgumentRefused: it says by itself what the key is, as the parts of an exploded object may.
    """
    headers, url = dict(request.headers), request.url
    match auth.get("kind"):
        case "bearer":
            headers["Authorization"] = f"Bearer {secret}"
        case "basic":
            headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
        case "api_key" if auth["in"] == "header":
            headers[auth["name"]] = secret
        case "api_key":
            _check_free(auth["name"], url)
            url = f"{url}{'&' if '?' in url else '?'}{_word(auth['name'])}={_word(secret)}"
    return Request(request.method, url, headers, request.content)


def _check_free(name: str, url: str) -> None:
    if name.lower() in (key.lower() for key, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)):
        raise ArgumentRefused(f"{name} signs in and is not an argument")


def _in_path(each: JSON, value: Any) -> str:
    """Servers that decode before they look where a path leads would go up by an encoded `../`: to another operation."""
    written = _simple(each, value, _word)
    if not written or any(part in (".", "..") for part in _segments(written)):
        raise ArgumentRefused(
            f"{each['argument']} must not be empty nor have a part '.' or '..': it is a part of a path"
        )
    return written


def _segments(written: str) -> list[str]:
    """As the most generous of servers would see them: decoded again and again, and without their parameters (;)."""
    for _ in range(DECODED):
        written = unquote(written)
    return [part.partition(";")[0] for part in re.split(r"[/\\]", written)]


def _in_header(each: JSON, value: Any) -> str:
    written = _simple(each, value, _text)
    if not written.isascii() or not written.isprintable():
        raise ArgumentRefused(f"{each['argument']} must be printable ASCII: it is a header")
    return written


def _simple(each: JSON, value: Any, write: Any) -> str:
    if each["style"] == "json":
        return str(write(json.dumps(value)))
    if isinstance(value, list):
        return ",".join(write(item) for item in value)
    if isinstance(value, dict):
        between = "=" if each["explode"] else ","
        return ",".join(f"{write(name)}{between}{write(item)}" for name, item in value.items())
    return str(write(value))


def _in_query(each: JSON, value: Any) -> Iterable[str]:
    name, style = _word(each["name"]), each["style"]
    if style == "json":
        return [f"{name}={_word(json.dumps(value))}"]
    if isinstance(value, list):
        words = [_word(item) for item in value]
        return [f"{name}={word}" for word in words] if each["explode"] else [f"{name}={BETWEEN[style].join(words)}"]
    if isinstance(value, dict):
        pairs = [(_word(key), _word(item)) for key, item in value.items() if item is not None]
        if style == "deepObject":
            return [f"{name}%5B{key}%5D={item}" for key, item in pairs]
        return (
            [f"{k}={v}" for k, v in pairs] if each["explode"] else [f"{name}={','.join(k + ',' + v for k, v in pairs)}"]
        )
    return [f"{name}={_word(value)}"]


def _content(how: str, body: Any) -> bytes | None:
    if not how or body is None:
        return None
    if how == "json":
        return json.dumps(body).encode()
    if how == "text":
        return _text(body).encode()
    if not isinstance(body, dict):
        raise ArgumentRefused("body must be an object: it is a form")
    pairs = [
        (name, _text(each)) for name, value in body.items() for each in (value if isinstance(value, list) else [value])
    ]
    return urlencode(pairs).encode()


def _word(value: Any) -> str:
    return quote(_text(value), safe="")


def _text(value: Any) -> str:
    """As JSON writes it, a text without its quotes."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else json.dumps(value)
