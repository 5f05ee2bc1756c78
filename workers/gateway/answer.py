"""Is an answer the JSON that was asked for? Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from webapp.common.values import SCHEMA_BYTES
from workers.gateway.errors import ModelRefused

FENCE = "```"
PLACES = 2000  # of a schema, each reference counted as what it refers to
CHECKS = 20_000_000  # places times characters of an answer: about a second
FAULT_CHARS = 200
SLOW = (
    "pattern",
    "patternProperties",
    "uniqueItems",
    "$dynamicRef",
    "$recursiveRef",
)  # backtracks, or grows by squares
NAMED = ("properties", "$defs", "definitions", "dependentSchemas")  # their keys are names
PLAIN = ("enum", "const", "default", "examples")  # what they hold is no schema


def rules_of(schema: Mapping[str, Any]) -> Draft202012Validator:
    """
    References to other documents are never followed.

    Raises:
        ModelRefused: it is no schema, or one whose check could hold up all other calls of this process.
    """
    try:
        text = json.dumps(schema)
        if len(text) > SCHEMA_BYTES:
            raise ValueError(f"it has {len(text)} bytes; the limit is {SCHEMA_BYTES}")
        return _rules(text)
    except SchemaError as error:
        reason = error.message
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error)
    raise ModelRefused(f"The schema of the answer can't be used: {reason}"[:FAULT_CHARS], sent=False)


def bare(text: str) -> str:
    """Without the code fence that models put around JSON although they are asked not to."""
    inner = text.strip()
    if not (inner.startswith(FENCE) and inner.endswith(FENCE) and "\n" in inner):
        return text
    head, _, rest = inner.partition("\n")
    return rest.removesuffix(FENCE).strip() if head.removeprefix(FENCE).strip() in ("", "json") else text


def fault(text: str, rules: Draft202012Validator) -> str | None:
    """Why it does not fit; None when it does."""
    if len(text) * places(rules.schema) > CHECKS:
        return "it is too long to be checked against this schema"
    try:
        rules.validate(json.loads(text, parse_constant=_refuse))
    except ValidationError as error:
        place = ".".join(map(str, error.absolute_path)) or "the whole"
        return f"{place}: {error.message}"[:FAULT_CHARS]
    except Unresolvable as error:
        return f"the schema refers to what is not there: {error}"[:FAULT_CHARS]
    except (ValueError, RecursionError):
        return "it is not JSON"
    return None


@lru_cache(maxsize=64)
def _rules(schema: str) -> Draft202012Validator:
    read = json.loads(schema)
    if word := _slow(read):
        raise ValueError(f"{word} is not allowed in it")
    if places(read) > PLACES:
        raise ValueError(f"it has more than {PLACES} places, each reference counted as what it refers to")
    Draft202012Validator.check_schema(read)
    return Draft202012Validator(read, registry=Registry())


def _slow(place: Any, *, names: bool = False) -> str | None:
    """The first word of it that makes checks slow."""
    if isinstance(place, list):
        return next(filter(None, map(_slow, place)), None)
    if not isinstance(place, dict):
        return None
    if not names and (found := next((word for word in SLOW if word in place), None)):
        return found
    inner = ((key, value) for key, value in place.items() if names or key not in PLAIN)
    return next(filter(None, (_slow(value, names=key in NAMED and not names) for key, value in inner)), None)


def places(schema: Any) -> int:
    """
    How many an answer may be held against at most; references to other documents count nothing, they are not followed.

    Raises:
        ValueError: it refers to itself.
    """
    known: dict[str, int] = {}
    open_: set[str] = set()

    def count(place: Any) -> int:
        if isinstance(place, list):
            return 1 + sum(map(count, place))
        if not isinstance(place, dict):
            return 1
        told = sum(count(value) for key, value in place.items() if key not in ("$defs", "definitions", "$ref"))
        return 1 + told + (referred(place["$ref"]) if isinstance(place.get("$ref"), str) else 0)

    def referred(name: str) -> int:
        if name in open_:
            raise ValueError(f"{name} refers to itself")
        if name not in known:
            open_.add(name)
            known[name] = count(_at(schema, name))
            open_.discard(name)
        return known[name]

    return count(schema)


def _at(schema: Any, name: str) -> Any:
    """What a reference means; nothing for one that leads nowhere."""
    place = schema
    for part in name.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list):
            place = place[int(key)] if key.isdecimal() and int(key) < len(place) else None
        else:
            place = place.get(key) if isinstance(place, dict) else None
    return place if name.startswith("#") else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
