"""Text as an OpenAPI document: parsed with bounds, and checked against the specification. For a process that may die."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from jsonschema_path import SchemaPath
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from webapp.common.values import JSON

VALUES, DEPTH = 400_000, 100
FAULTS = 5
FAULT_CHARS = 300
VERSION = re.compile(r"3\.([01])\.\d+")
VALIDATORS = {"0": OpenAPIV30SpecValidator, "1": OpenAPIV31SpecValidator}
TIMESTAMP, BOOL = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool"


class DocumentRefused(Exception):
    """It is no document that can be used; the message tells why, for the tenant."""


class _Loader(yaml.CSafeLoader):
    """YAML as JSON has it: a date stays a text, and so do `on` and `yes`."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP and (tag != BOOL or first in "tTfF")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def read(text: str) -> JSON:
    """
    Raises:
        DocumentRefused: it is neither JSON nor YAML, too deep or too large, of another version, or breaks the
            specification; the first faults are named.
    """
    document = _plain(_parsed(text), 0, [VALUES])
    if not isinstance(document, dict):
        raise DocumentRefused("It is no JSON or YAML object.")
    version = VERSION.fullmatch(str(document.get("openapi")))
    if not version:
        raise DocumentRefused("It is no OpenAPI 3.0 or 3.1 document: its field `openapi` says otherwise.")
    _check(document, version[1])
    return document


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)
    except (ValueError, yaml.YAMLError) as error:
        raise DocumentRefused(f"It is no well-formed JSON or YAML: {str(error)[:FAULT_CHARS]}") from None
    except RecursionError:
        raise DocumentRefused("It is nested too deeply.") from None


def _plain(value: Any, depth: int, left: list[int]) -> Any:
    """A copy without what YAML has beyond JSON; what aliases repeat counts each time."""
    left[0] -= 1
    if depth > DEPTH or left[0] < 0:
        raise DocumentRefused(f"It is nested deeper than {DEPTH} levels, or has more than {VALUES} values.")
    if isinstance(value, dict):
        return {_key(name): _plain(each, depth + 1, left) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, depth + 1, left) for each in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _key(name: Any) -> str:
    """YAML reads `200:` as a number."""
    return str(name).lower() if isinstance(name, bool) else str(name)


def _check(document: JSON, minor: str) -> None:
    try:
        path = SchemaPath.from_dict(_without_remote(document), handlers={})
        errors = list(_first(VALIDATORS[minor](path).iter_errors()))
    except Exception as error:  # the checker is no match for every document
        raise DocumentRefused(f"It can't be checked: {type(error).__name__}: {str(error)[:FAULT_CHARS]}") from None
    if errors:
        raise DocumentRefused(f"It breaks the specification: {'; '.join(map(_told, errors))}")


def _first(errors: Any) -> Any:
    for _, error in zip(range(FAULTS), errors, strict=False):
        yield error


def _told(error: Any) -> str:
    """Of an error that is told in several lines the first says what is wrong."""
    where = "/".join(map(str, getattr(error, "absolute_path", ())))
    what = str(error.message).partition("\n")[0]
    return f"{where}: {what}"[:FAULT_CHARS] if where else what[:FAULT_CHARS]


def _without_remote(value: Any) -> Any:
    """Nothing is ever fetched for the check; who needs such a reference is told about it."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            return {}
        return {name: _without_remote(each) for name, each in value.items()}
    return [_without_remote(each) for each in value] if isinstance(value, list) else value
