"""Documents as text: what is read, what is refused, and that a bomb stays small."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.documents import LAB
from workers.toolbox.openapi.check import told
from workers.toolbox.openapi.reading import DocumentRefused, read

INFO = {"title": "Pets", "version": "1"}
BOMB = "openapi: 3.0.3\na: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{before}'] * 10)}]\n" for before, this in zip("abcdefgh", "bcdefghi", strict=True)
)


def document(operation: dict[str, Any], *, path: str = "/pets", method: str = "get", **more: Any) -> dict[str, Any]:
    """With one operation."""
    whole = {"responses": {"200": {"description": "ok"}}, **operation}
    return {
        "openapi": "3.0.3",
        "info": INFO,
        "servers": [{"url": "https://a.example"}],
        "paths": {path: {method: whole}},
        **more,
    }


def found(given: dict[str, Any], **asked: Any) -> dict[str, Any]:
    """The one tool, or why it is none."""
    said = {"text": json.dumps(given), "address": "", "server": "", "tags": [], "auth": {"kind": "none"}, **asked}
    tools: list[dict[str, Any]] = told(said)["found"]
    return tools[0] if tools else {}


def test_a_public_projects_document_is_read_whole() -> None:
    said = told(
        {"text": LAB, "address": "https://lab.example/api.yml", "server": "", "tags": [], "auth": {"kind": "none"}}
    )
    assert said["server"] == "https://lab.example" and len(said["found"]) == 12
    assert not [tool for tool in said["found"] if "reason" in tool]
    licences = next(tool for tool in said["found"] if "licenses" in tool["name"])
    assert licences["parameters"]["properties"]["format"]["enum"] == ["csv", "json", "markdown"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "no JSON or YAML object"),
        ("a: [", "no well-formed"),
        ('{"openapi": "3.0.3"', "no well-formed"),
        ("swagger: '2.0'", "no OpenAPI 3.0 or 3.1"),
        ("openapi: 3.2.0", "no OpenAPI 3.0 or 3.1"),
        ("openapi: 3.0.3\ninfo: {title: x}\npaths: {}", '"version" is a required property'),
        ("openapi: 3.0.3\na: !!python/object/apply:os.system ['true']", "no well-formed"),
        ("openapi: 3.0.3\na: " + "[" * 150 + "]" * 150, "nested"),
        ("openapi: 3.0.3\na: &a [*a]", "nested"),
        (BOMB, "values"),
    ],
)
def test_what_is_no_document_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(DocumentRefused, match=words):
        read(text)


def test_yaml_is_read_as_json_has_it() -> None:
    text = "openapi: 3.0.3\ninfo: {title: x, version: '1'}\npaths:\n  /a:\n    get:\n      responses:\n        200: {description: on}\n"
    assert read(text + "x-date: 2026-01-02")["x-date"] == "2026-01-02"


@pytest.mark.parametrize(
    ("given", "asked", "base"),
    [
        ({}, {}, "https://a.example"),
        ({}, {"server": "https://b.example/v2/"}, "https://b.example/v2"),
        ({"servers": [{"url": "/v1"}]}, {"address": "https://c.example/docs/x.json"}, "https://c.example/v1"),
        ({"servers": [{"url": "https://{h}.example", "variables": {"h": {"default": "d"}}}]}, {}, "https://d.example"),
    ],
)
def test_where_it_is_called(given: dict[str, Any], asked: dict[str, Any], base: str) -> None:
    assert found(document({}) | given, **asked)["call"]["base"] == base


@pytest.mark.parametrize(
    ("given", "asked", "words"),
    [
        ({"servers": [{"url": "/v1"}]}, {}, "at which server"),
        ({}, {"address": "https://evil.example/x.json"}, "another origin than its own, https://a.example"),
        ({"servers": [{"url": "ftp://a.example"}]}, {}, "at which server"),
    ],
)
def test_a_server_that_nobody_vouched_for_is_refused(given: dict[str, Any], asked: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentRefused, match=words):
        found(document({}) | given, **asked)


MULTIPART = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": {"type": "object"}}}}}
OAUTH = {"components": {"securitySchemes": {"o": {"type": "oauth2", "flows": {}}}}, "security": [{"o": []}]}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (document(MULTIPART, method="post"), "multipart/form-data"),
        (
            document({"parameters": [{"name": "c", "in": "cookie", "required": True, "schema": {}}]}),
            "goes into a cookie",
        ),
        (document({"servers": [{"url": "https://evil.example"}]}), "a server of its own"),
        (document({}, **OAUTH), "It takes OAuth2"),
        (
            document({"parameters": [{"name": "q", "in": "query", "schema": {"$ref": "other.json"}}]}),
            "another document",
        ),
        (
            document({"parameters": [{"name": "q" * 201, "in": "query", "schema": {}}]}),
            "no name that a request can have",
        ),
        (document({"parameters": [{"name": "X\r\nHost", "in": "header", "schema": {}}]}), "no name that a request"),
        (document({"parameters": [{"name": "X-é", "in": "header", "schema": {}}]}), "no name that a request can have"),
        (document({}, path=f"/{'p' * 1000}"), "more than 1000 characters"),
    ],
)
def test_what_can_not_be_called_is_named_with_the_reason(given: dict[str, Any], words: str) -> None:
    assert words in found(given)["reason"]


def test_a_token_got_elsewhere_serves_for_oauth() -> None:
    assert "call" in found(document({}, **OAUTH), auth={"kind": "bearer"})


OURS = ("Authorization", "X-Key", "X-HTTP-Method-Override", "HOST", "Proxy-Authorization", "X-Other")


def test_filters_and_what_hartley_says_itself() -> None:
    headers = [{"name": name, "in": "header", "schema": {"type": "string"}} for name in OURS]
    given = document({"tags": ["a"], "operationId": "listPets", "parameters": headers})
    key = {"kind": "api_key", "in": "header", "name": "X-Key"}
    assert list(found(given, auth=key)["parameters"]["properties"]) == ["X-Other"]
    assert found(given, tags=["b"]) == {} and found(given, tags=["a"])["name"] == "listPets"
