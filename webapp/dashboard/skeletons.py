"""A beginning of a tool's arguments, from its schema. Pure."""

from __future__ import annotations

from typing import Any

from webapp.common.values import JSON

EMPTY: dict[str, Any] = {"string": "", "number": 0, "integer": 0, "boolean": False, "array": [], "object": {}}


def skeleton(parameters: JSON) -> JSON:
    """
    What must be given, with nothing in it yet.

    >>> skeleton({"properties": {"a": {"type": "integer", "minimum": 1}, "b": {}}, "required": ["a"]})
    {'a': 1}
    """
    properties: Any = parameters.get("properties") or {}
    return {name: _begin(properties.get(name) or {}) for name in parameters.get("required") or () if name in properties}


def _begin(schema: JSON) -> Any:
    for word in ("default", "const"):
        if word in schema:
            return schema[word]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind in ("number", "integer") and "minimum" in schema:
        return schema["minimum"]
    if kind == "object":
        return skeleton(schema)
    return EMPTY.get(str(kind))
