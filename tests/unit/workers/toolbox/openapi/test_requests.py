"""How arguments are written into a request, in the styles of the specification's own table, and how it is signed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workers.toolbox.openapi.requests import ArgumentRefused, Request, request_of, signed

COLORS = ["blue", "black"]
RGB = {"R": 100, "G": 200}


def made(arguments: Any, *, method: str = "GET", path: str = "/x", body: str = "", **parameter: Any) -> Request:
    sent = [{"argument": "color", "name": "color", "in": "query", "style": "form", "explode": True, **parameter}]
    call = {"method": method, "base": "https://a.example", "path": path, "parameters": sent, "body": body}
    return request_of(call, arguments)


@pytest.mark.parametrize(
    ("style", "explode", "value", "query"),
    [
        ("form", True, "blue", "color=blue"),
        ("form", True, COLORS, "color=blue&color=black"),
        ("form", False, COLORS, "color=blue,black"),
        ("form", True, RGB, "R=100&G=200"),
        ("form", False, RGB, "color=R,100,G,200"),
        ("spaceDelimited", False, COLORS, "color=blue%20black"),
        ("pipeDelimited", False, COLORS, "color=blue%7Cblack"),
        ("deepObject", True, RGB, "color%5BR%5D=100&color%5BG%5D=200"),
        ("json", False, RGB, "color=%7B%22R%22%3A%20100%2C%20%22G%22%3A%20200%7D"),
        ("form", True, True, "color=true"),
        ("form", True, "a&b=c#d", "color=a%26b%3Dc%23d"),
    ],
)
def test_in_a_query(style: str, explode: bool, value: Any, query: str) -> None:
    assert made({"color": value}, style=style, explode=explode).url == f"https://a.example/x?{query}"


@pytest.mark.parametrize(
    ("explode", "value", "written"),
    [
        (False, "a/b ü", "a%2Fb%20%C3%BC"),
        (False, COLORS, "blue,black"),
        (False, RGB, "R,100,G,200"),
        (True, RGB, "R=100,G=200"),
    ],
)
def test_in_a_path(explode: bool, value: Any, written: str) -> None:
    request = made({"color": value}, path="/x/{color}/y", **{"in": "path"}, style="simple", explode=explode)
    assert request.url == f"https://a.example/x/{written}/y"


CLIMBING = ["", ".", "..", "../admin", "a/../../admin", "..\\admin", "..%2Fadmin", "%2e%2e/admin", "%252e%252e%252fadmin",
            "a/..;v=1/admin", "a/.", {}]  # fmt: skip


@pytest.mark.parametrize("value", CLIMBING)
def test_no_argument_leaves_its_place_in_the_path(value: Any) -> None:
    """Servers that decode before they look where a path leads would reach another operation, under this one's policy."""
    with pytest.raises(ArgumentRefused):
        made({"color": value}, path="/x/{color}", **{"in": "path"}, style="simple", explode=False)


@pytest.mark.parametrize("value", ["src/main.py", "..a", "a..b", "1.2", "...", "%", "100%25"])
def test_dots_within_a_word_are_no_way_up(value: str) -> None:
    assert made({"color": value}, path="/x/{color}", **{"in": "path"}, style="simple", explode=False).url


def test_what_reads_as_a_key_is_no_argument() -> None:
    """An exploded object names its parts as the model likes, and servers take the first of two keys."""
    request = made({"color": {"R": 1, "API_key": "the attacker's"}})
    with pytest.raises(ArgumentRefused, match="api_key signs in"):
        signed(request, {"kind": "api_key", "in": "query", "name": "api_key"}, "ours")


def test_no_argument_adds_a_header() -> None:
    with pytest.raises(ArgumentRefused):
        made({"color": "a\r\nX-Admin: 1"}, **{"in": "header"}, style="simple", explode=False)


def test_bodies() -> None:
    request = made({"body": {"a": [1]}}, method="POST", body="json")
    assert request.headers["Content-Type"] == "application/json" and json.loads(request.content or b"") == {"a": [1]}
    assert made({"body": {"a": [1, "x y"]}}, method="POST", body="form").content == b"a=1&a=x+y"
    assert made({"body": "grüß"}, method="POST", body="text").content == "grüß".encode()
    assert made({}, method="POST", body="json").content is None


def test_it_is_signed_last_and_shows_no_secret() -> None:
    request = made({"color": "x"})
    basic = signed(request, {"kind": "basic"}, "ann:pass")
    assert basic.headers["Authorization"] == "Basic YW5uOnBhc3M=" and "Authorization" not in request.headers
    assert signed(request, {"kind": "bearer"}, "t0ken").headers["Authorization"] == "Bearer t0ken"
    in_query = signed(request, {"kind": "api_key", "in": "query", "name": "key"}, "a&b")
    assert in_query.url.endswith("?color=x&key=a%26b") and "a%26b" not in repr(in_query)
    assert signed(request, {"kind": "api_key", "in": "header", "name": "X-Key"}, "k").headers["X-Key"] == "k"
