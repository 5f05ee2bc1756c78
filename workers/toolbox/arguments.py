"""Checks a tool's arguments against its schema and says what is wrong in the model's terms. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry

from workers.toolbox.errors import ArgumentsInvalid, ToolMisdeclared

FAULTS_LIMIT = 3
TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
RULES = {
    "minimum": "must be at least {limit}",
    "maximum": "must be at most {limit}",
    "exclusiveMinimum": "must be more than {limit}",
    "exclusiveMaximum": "must be less than {limit}",
    "minLength": "must have at least {limit} characters",
    "maxLength": "may have at most {limit} characters",
    "minItems": "must have at least {limit} items",
    "maxItems": "may have at most {limit} items",
    "pattern": "must match {limit}",
}


def validator(name: str, schema: dict[str, Any], *, is_fitted: bool = False) -> Draft202012Validator:
    """
    Args:
        is_fitted: `outer_schemas` made it, so it is well-formed; looking again takes up to half a second.
    Raises:
        ToolMisdeclared: it isn't a schema of an object, or it would let unknown arguments through.
    """
    try:
        if not is_fitted:
            Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ToolMisdeclared(f"{name}: parameters: {error.message[:200]}") from None
    if schema.get("type") != "object" or schema.get("additionalProperties") is not False:
        raise ToolMisdeclared(f"{name}: parameters must be of type object with additionalProperties false")
    return Draft202012Validator(schema, registry=Registry())  # an empty one: nothing is fetched


def check(name: str, rules: Draft202012Validator, arguments: object) -> None:
    """
    Raises:
        ArgumentsInvalid: names up to three fields, each with its rule.
    """
    if not isinstance(arguments, Mapping):
        raise ArgumentsInvalid(name, [("arguments", "must be a JSON object")])
    errors = sorted(rules.iter_errors(arguments), key=lambda error: (list(map(str, error.path)), str(error.validator)))
    faults = [fault for error in errors for fault in _faults(error)]
    if faults:
        raise ArgumentsInvalid(name, faults[:FAULTS_LIMIT])


def _faults(error: ValidationError) -> list[tuple[str, str]]:
    path = [str(part) for part in error.path]
    limit: Any = error.validator_value
    given: Any = error.instance
    if error.validator == "required":
        return [(_field([*path, key]), "is required") for key in limit if key not in given]
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        extra = sorted(set(given) - set(schema.get("properties", {})))
        return [(_field([*path, key[:80]]), "is not an argument of this tool") for key in extra]
    return [(_field(path), _rule(error, limit))]


def _field(path: list[str]) -> str:
    return ".".join(path) or "arguments"


def _rule(error: ValidationError, limit: Any) -> str:
    if error.validator == "type":
        names = [limit] if isinstance(limit, str) else limit
        return "must be " + " or ".join(TYPES[name] for name in names)
    if error.validator == "enum":
        return "must be one of " + ", ".join(map(str, limit))
    rule = RULES.get(str(error.validator))
    return rule.format(limit=limit) if rule else error.message[:200]
