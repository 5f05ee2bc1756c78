"""What an upload may say of a tool. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from webapp.common.errors import Invalid
from webapp.common.values import JSON, storable

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
DESCRIPTION_CHARS = 1000
SCHEMA_BYTES = 8 * 1024
DEPTH = 8
# What a worker checks arguments with, beside other work: nothing that searches, looks up or multiplies.
KEYWORDS = frozenset(
    {
        "type", "properties", "required", "additionalProperties", "items", "enum", "const", "title", "description",
        "default", "examples", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
        "minItems", "maxItems",
    }
)  # fmt: skip
NOTHING: JSON = {"type": "object", "properties": {}, "additionalProperties": False}
MAGIC = b"\0asm"


def check_name(name: Any) -> str:
    """
    Raises:
        Invalid
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Invalid(field="name", message="must be 1 to 60 of a-z, 0-9 and _, beginning with a letter")
    return name


def check_description(text: Any) -> str:
    """
    Raises:
        Invalid
    """
    if not isinstance(text, str) or not 1 <= len(text.strip()) <= DESCRIPTION_CHARS:
        message = f"must be a text of 1 to {DESCRIPTION_CHARS} characters: models choose the tool by it"
        raise Invalid(field="description", message=message)
    return str(storable(text.strip()))


def check_parameters(schema: Any) -> JSON:
    """
    A JSON schema of an object, in the part of the language that is checked in bounded time.

    Raises:
        Invalid: names what breaks a rule.
    """
    if schema is None:
        return NOTHING
    if (
        not isinstance(schema, dict)
        or schema.get("type") != "object"
        or schema.get("additionalProperties") is not False
    ):
        raise _odd("must be a JSON schema of type object with additionalProperties false")
    try:
        schema = dict(storable(schema))
        size = len(json.dumps(schema, allow_nan=False))
        if size > SCHEMA_BYTES:
            raise _odd(f"has {size} bytes as JSON; the limit is {SCHEMA_BYTES}")
        _check_keywords(schema, 0)
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise _odd(error.message[:200]) from None
    except (ValueError, RecursionError):
        raise _odd("has a number or a depth that JSON schemas don't have") from None
    return schema


def read_parameters(text: str) -> JSON:
    """
    As `check_parameters`, of JSON text; an empty one is a tool without arguments.

    Raises:
        Invalid
    """
    try:
        given = json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        raise _odd("must be JSON") from None
    return check_parameters(given)


def check_wasm(wasm: bytes, limit_bytes: int) -> bytes:
    """
    Raises:
        Invalid: it is too large, or no module at all.
    """
    if len(wasm) > limit_bytes:
        raise Invalid(field="wasm", message=f"has {len(wasm)} bytes; the limit is {limit_bytes}")
    if not wasm.startswith(MAGIC):
        raise Invalid(field="wasm", message="is no WebAssembly module: its first bytes are others")
    return wasm


def decode_wasm(text: Any) -> bytes:
    """
    Raises:
        Invalid: it is no base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Invalid(field="wasm", message="must be the module's bytes in base64") from None


def _check_keywords(schema: JSON, depth: int) -> None:
    if depth > DEPTH:
        raise _odd(f"is nested deeper than {DEPTH} levels")
    if unknown := sorted(set(schema) - KEYWORDS):
        raise _odd(f"may not have {unknown[0][:60]!r}; it may have {', '.join(sorted(KEYWORDS))}")
    properties = schema.get("properties", {})
    inner = list(properties.values()) if isinstance(properties, dict) else []
    for each in [*inner, schema.get("items"), schema.get("additionalProperties")]:
        if isinstance(each, dict):
            _check_keywords(each, depth + 1)


def _odd(message: str) -> Invalid:
    return Invalid(field="parameters", message=message)
