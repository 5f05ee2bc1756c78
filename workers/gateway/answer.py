"""Is an answer the JSON that was asked for? Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from workers.gateway.errors import ModelRefused

FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)
FAULT_CHARS = 200
PATTERNS = ("pattern", "patternProperties")
NAMED = ("properties", "$defs", "definitions", "dependentSchemas")  # their keys are names
PLAIN = ("enum", "const", "default", "examples")  # what they hold is no schema


def rules_of(schema: Mapping[str, Any]) -> Draft202012Validator:
    """
    References to other documents are never followed.

    Raises:
        ModelRefused: it is no schema, or has a pattern: one that backtracks would hold up all other calls.
    """
    try:
        return _rules(json.dumps(schema))
    except SchemaError as error:
        reason = error.message
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error)
    raise ModelRefused(f"The schema of the answer can't be used: {reason}"[:FAULT_CHARS], sent=False)


def bare(text: str) -> str:
    """Without the code fence that models put around JSON although they are asked not to."""
    fenced = FENCED.fullmatch(text)
    return fenced[1] if fenced else text


def fault(text: str, rules: Draft202012Validator) -> str | None:
    """Why it does not fit; None when it does."""
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


@lru_cache(maxsize=256)
def _rules(schema: str) -> Draft202012Validator:
    read = json.loads(schema)
    Draft202012Validator.check_schema(read)
    if _patterned(read):
        raise ValueError("a pattern is not allowed in it")
    return Draft202012Validator(read, registry=Registry())


def _patterned(place: Any, *, names: bool = False) -> bool:
    if isinstance(place, list):
        return any(map(_patterned, place))
    if not isinstance(place, dict):
        return False
    if not names and any(word in place for word in PATTERNS):
        return True
    inner = ((key, value) for key, value in place.items() if names or key not in PLAIN)
    return any(_patterned(value, names=key in NAMED and not names) for key, value in inner)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
