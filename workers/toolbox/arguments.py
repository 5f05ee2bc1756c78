"""Checks a tool's arguments against its schema and says what is wrong in the model's terms. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import extend
from referencing import Registry

from workers.toolbox.errors import ArgumentsInvalid, ToolMisdeclared

FAULTS_LIMIT = 3
ERRORS = 50  # that are looked at, of a schema and of each of its choices: a long list may have one an item
WORK = 500_000  # parts of the schema times parts of the arguments; beyond it choices are left to the tool's own checks
CHOICES = ("anyOf", "oneOf")
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


def _any_of(rules: Any, choices: Any, given: Any, schema: Any) -> Iterator[ValidationError]:
    """As jsonschema has it, with few of each choice's errors kept."""
    errors: list[ValidationError] = []
    for number, choice in enumerate(choices):
        found = list(islice(rules.descend(given, choice, schema_path=number), ERRORS))
        if not found:
            return
        errors += found
    yield ValidationError("fits none of the kinds that it may be", context=errors)


def _one_of(rules: Any, choices: Any, given: Any, schema: Any) -> Iterator[ValidationError]:
    yield from _any_of(rules, choices, given, schema)
    if sum(next(rules.descend(given, choice), None) is None for choice in choices) > 1:
        yield ValidationError("fits several of the kinds that it may be, and must fit exactly one")


Rules: Any = extend(Draft202012Validator, {"anyOf": _any_of, "oneOf": _one_of})
Unchosen: Any = extend(Draft202012Validator, dict.fromkeys(CHOICES, lambda *_: None))


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
    made: Draft202012Validator = Rules(schema, registry=Registry())  # an empty one: nothing is fetched
    return made


def check(name: str, rules: Draft202012Validator, arguments: object) -> None:
    """
    Raises:
        ArgumentsInvalid: names up to three fields, each with its rule.
    """
    if not isinstance(arguments, Mapping):
        raise ArgumentsInvalid(name, [("arguments", "must be a JSON object")])
    rules = rules if _is_small(rules.schema, arguments) else Unchosen(rules.schema, registry=Registry())
    found = islice(rules.iter_errors(arguments), ERRORS)
    errors = sorted(found, key=lambda error: (list(map(str, error.path)), str(error.validator)))
    faults = [fault for error in errors for fault in _faults(error)]
    if faults:
        raise ArgumentsInvalid(name, faults[:FAULTS_LIMIT])


def _is_small(schema: Any, arguments: Any) -> bool:
    """Each part of a schema is held against each part of the arguments at most once."""
    return not _has_choices(schema) or _parts(schema) * _parts(arguments) <= WORK


def _has_choices(schema: Any) -> bool:
    return any(isinstance(each, Mapping) and any(word in each for word in CHOICES) for each in _inner(schema))


def _parts(value: Any) -> int:
    return sum(1 for _ in _inner(value))


def _inner(value: Any) -> Iterator[Any]:
    """It, and all that is in it; however deep that is."""
    left = [value]
    while left:
        each = left.pop()
        yield each
        left += each.values() if isinstance(each, Mapping) else each if isinstance(each, list) else ()


def _faults(error: ValidationError) -> list[tuple[str, str]]:
    if error.validator in CHOICES and error.context:
        closest: Any = best_match([error])
        return (
            _faults(closest) if closest is not error else [(_field(list(map(str, error.absolute_path))), error.message)]
        )
    path = [str(part) for part in error.absolute_path]
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
