"""
The schema of a tool from outside, made fit to check arguments by. Pure.

References within the document are put in their places, so that nothing is fetched; what can cost a check much time or
has no meaning here (patterns, conditions, formats) is left out, since the server checks its arguments itself. All else
stays, for the model to read.
"""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

NODES, DEPTH, CHARS = 2000, 30, 30_000
PLAIN = frozenset(
    {
        *("type", "enum", "const", "title", "description", "default", "examples", "required"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    }
)
ONE = frozenset({"items", "additionalProperties"})
SEVERAL = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})


class SchemaUnfit(ValueError):
    """No arguments can be checked by it; the message says why."""


def fit(schema: Any) -> dict[str, Any]:
    """
    An object's schema that names all its arguments.

    Raises:
        SchemaUnfit
    """
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise SchemaUnfit("its parameters are no object")
    try:
        made = _Fitting(schema).node(schema, ())
        text = json.dumps(made, allow_nan=False)
        Draft202012Validator.check_schema(made)
    except (SchemaError, RecursionError, ValueError, TypeError) as error:
        raise SchemaUnfit(str(error) if isinstance(error, SchemaUnfit) else "its parameters are no schema") from None
    if len(text) > CHARS:
        raise SchemaUnfit("its parameters are too long")
    return {**made, "type": "object", "additionalProperties": False}


class _Fitting:
    def __init__(self, whole: dict[str, Any]) -> None:
        self._whole, self._left = whole, NODES

    def node(self, node: Any, via: tuple[str, ...]) -> Any:
        """
        Args:
            via: the references that led here; one that leads back to itself stands for anything.
        """
        self._left -= 1
        if self._left < 0:
            raise SchemaUnfit("its parameters have too many parts")
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict) or len(via) > DEPTH:
            raise SchemaUnfit("its parameters are no schema")
        if "$ref" in node:
            return self._referred(node, via)
        return {key: self._part(key, value, via) for key, value in node.items() if _kept(key, value)}

    def _part(self, key: str, value: Any, via: tuple[str, ...]) -> Any:
        if key == "properties":
            return {name: self.node(each, via) for name, each in value.items()}
        if key in SEVERAL:
            return [self.node(each, via) for each in value]
        return self.node(value, via) if key in ONE else value

    def _referred(self, node: dict[str, Any], via: tuple[str, ...]) -> Any:
        ref = node["$ref"]
        beside = {key: node[key] for key in ("description", "title", "default") if key in node}
        if ref in via:
            return beside
        found = self.node(self._at(ref), (*via, ref))
        return {**found, **beside} if isinstance(found, dict) else found

    def _at(self, ref: Any) -> Any:
        """
        Raises:
            SchemaUnfit: it points outside, or nowhere.
        """
        if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
            raise SchemaUnfit("its parameters refer to another document")
        at: Any = self._whole
        for part in ref.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(at, dict) or part not in at:
                raise SchemaUnfit("its parameters refer to what is not there")
            at = at[part]
        return at


def _kept(key: str, value: Any) -> bool:
    if key == "properties":
        return isinstance(value, dict)
    if key in SEVERAL:
        return isinstance(value, list) and bool(value)
    return key in PLAIN or key in ONE
