"""
Makes a JSON schema from outside fit for use: the part of the language that is checked in bounded time.

What is not understood is dropped, which lets more through than the source meant: it checks its arguments itself. So
`oneOf` stays only where nothing was dropped below it, since choices that were told apart by it would both fit then; else
it is `anyOf`. A schema that is too large with its choices is kept without them. Local references are followed. OpenAPI
3.0's own words (`nullable`, `exclusiveMinimum: true`) are read as well. Pure.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from webapp.common.values import JSON, storable

GIVEN_BYTES = 256 * 1024  # of a schema that stands for itself, before anything is dropped
SCHEMA_BYTES = 16 * 1024
VALUE_BYTES = 2 * SCHEMA_BYTES  # of all its enums, constants and defaults, those that references repeat each time
DEPTH = 8
NODES = 400  # schemas within one schema
PROPERTIES = 100  # of one object
MERGED_PROPERTIES = 10 * PROPERTIES  # of one that several parts say together, those that only answers have included
DESCRIPTION_CHARS = 500
TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
COUNTS = ("minLength", "maxLength", "minItems", "maxItems")
LIMITS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
CHOICES = ("anyOf", "oneOf")
PARTS = ("allOf", *CHOICES)
MOST_PARTS = 20  # of one choice
BOUNDS = frozenset({"type", "enum", "const", "items", *COUNTS, *CHOICES, *(word for pair in LIMITS for word in pair)})
SAID = frozenset(
    {"title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "externalDocs", "xml",
     "discriminator", "nullable", "$comment", "$schema", "$id", "$defs", "definitions"}
)  # fmt: skip
KEPT = (
    BOUNDS | SAID | {"allOf", "properties", "required", "additionalProperties"}
)  # nothing that limits is lost by these


UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})  # categories of characters: controls, formats, those that are none
JOINERS = "\n\t\u200c\u200d"  # of them, what texts need: lines, and what joins letters and emoji


class Unfit(Exception):
    """It can't be made fit; the message tells why, for the tenant."""


def fit(schema: Any, document: Mapping[str, Any] | None = None) -> JSON:
    """
    Args:
        schema: of an object.
        document: that local references (`#/...`) point into; the schema itself when not given.
    Raises:
        Unfit
    """
    if not isinstance(schema, dict):
        raise Unfit("Its arguments have no schema of an object")
    if document is None and _size(schema) > GIVEN_BYTES:
        raise Unfit(f"Its arguments' schema has more than {GIVEN_BYTES} bytes")
    whole = schema if document is None else document
    try:
        return _small(_Fitting(whole, choices=True).object(schema))
    except Unfit:
        return _small(_Fitting(whole, choices=False).object(schema))


def visible(text: str, limit_chars: int) -> str:
    """Its beginning, as a person sees it: what only a model reads could tell it what nobody has accepted."""
    return "".join(char for char in text[: 4 * limit_chars] if char in JOINERS or is_seen(char)).strip()[:limit_chars]


def is_seen(char: str) -> bool:
    """Not so a control, a format, a variation of the character before it, or what is no character."""
    varies = "\ufe00" <= char <= "\ufe0e" or "\U000e0100" <= char <= "\U000e01ef"
    return not varies and unicodedata.category(char) not in UNSEEN


def follow(given: JSON, document: Mapping[str, Any]) -> JSON:
    """
    What a local reference points at; words beside it hold as well, as JSON schema has it.

    Raises:
        Unfit
    """
    for _ in range(DEPTH):
        if "$ref" not in given:
            return given
        beside = {word: value for word, value in given.items() if word != "$ref"}
        given = {**_target(given["$ref"], document), **beside}
    raise Unfit("Its references point at each other")


def _target(reference: Any, document: Mapping[str, Any]) -> JSON:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise Unfit("It refers to another document, which is not fetched")
    found: Any = document
    for part in unquote(reference)[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, Mapping) and name in found:
            found = found[name]
        else:
            raise Unfit(f"Its reference {reference[:100]!r} points at nothing")
    if not isinstance(found, dict):
        raise Unfit(f"Its reference {reference[:100]!r} points at nothing of use")
    return found


class _Fitting:
    """
    Args:
        choices: whether what only a choice says is kept.
    """

    def __init__(self, document: Mapping[str, Any], *, choices: bool) -> None:
        self._document, self._choices = document, choices
        self._nodes, self._lost = 0, 0  # schemas that were looked at; limits that were dropped
        self._value_bytes = 0

    def _follow(self, given: JSON) -> JSON:
        return follow(given, self._document)

    def object(self, schema: JSON) -> JSON:
        made = self.schema(schema, 0)
        if made.get("type", "object") != "object":
            raise Unfit("Its arguments are not an object")
        kept = {name: value for name, value in made.items() if name in ("description", "required")}
        return {"type": "object", "properties": _all_properties(made), **kept, "additionalProperties": False}

    def schema(self, given: Any, depth: int, beside: JSON | None = None) -> JSON:
        """
        An empty one takes anything.

        Args:
            beside: properties of the schema that this one is a choice or a part of.
        """
        self._nodes += 1
        if self._nodes > NODES:
            raise Unfit(f"Its arguments' schema has more than {NODES} parts")
        if not isinstance(given, dict) or depth > DEPTH:
            self._lost += given is not True
            return {}
        given = self._merged(self._follow(given), depth)
        self._lost += any(word not in KEPT and not word.startswith("x-") for word in given)
        made: JSON = {**_types(given), **_texts(given), **_numbers(given)}
        for word in ("enum", "const", "default"):
            if word in given:
                made[word] = self._value(given[word])
        if not isinstance(made.get("enum", []), list) or made.get("enum") == []:
            del made["enum"]
        made |= self._properties(given, depth, beside or {})
        if isinstance(given.get("items"), dict):
            made["items"] = self.schema(given["items"], depth + 1)
        more = given.get("additionalProperties")
        if more is False and beside:
            self._lost += 1  # taken at its word it would forbid what stands beside it, which is hardly ever meant
        elif isinstance(more, bool | dict):
            made["additionalProperties"] = self.schema(more, depth + 1) if isinstance(more, dict) else more
        return made | self._parts(given, depth, {**(beside or {}), **made.get("properties", {})})

    def _value(self, value: Any) -> Any:
        """Counted here, as what is written out once may be referred to hundreds of times."""
        self._value_bytes += _size(value)
        if self._value_bytes > VALUE_BYTES:
            raise Unfit(f"The values in its arguments' schema have more than {VALUE_BYTES} bytes")
        return value

    def _parts(self, given: JSON, depth: int, beside: JSON) -> JSON:
        """What of `allOf`, `anyOf` and `oneOf` could not be said plainly."""
        if not self._choices:
            return {}
        made: JSON = {}
        if given.get("allOf"):
            made["allOf"] = [self.schema(each, depth + 1, beside) for each in given["allOf"]]
        for word in CHOICES:
            if word in given:
                lost = self._lost
                parts = [self.schema(each, depth + 1, beside) for each in given[word]]
                parts += [{"type": "null"}] if given.get("nullable") is True and {"type": "null"} not in parts else []
                kept = "anyOf" if word == "oneOf" and self._lost > lost else word
                if kept in made:
                    made.setdefault("allOf", []).append({kept: parts})
                else:
                    made[kept] = parts
        return made

    def _properties(self, given: JSON, depth: int, beside: JSON) -> JSON:
        """Without those that only answers have."""
        properties = {}
        named: Any = given.get("properties")
        for name, each in named.items() if isinstance(named, dict) else ():
            if isinstance(name, str) and not (isinstance(each, dict) and each.get("readOnly") is True):
                properties[name] = self.schema(each, depth + 1)
            else:
                self._lost += 1
        if len(properties) > PROPERTIES:
            raise Unfit(f"An object of its arguments has {len(properties)} properties; the limit is {PROPERTIES}")
        asked: Any = given.get("required")
        words = asked if _is_words(asked) else []
        required = sorted({name for name in words if name in properties or name in beside})
        self._lost += len(set(words)) > len(required)
        made: JSON = {"properties": properties} if isinstance(named, dict) else {}
        return made | ({"required": required} if required else {})

    def _merged(self, given: JSON, depth: int) -> JSON:
        """
        `allOf` as one schema, and of `oneOf` or `anyOf` what can be said plainly: one kind or null, several types. What
        is left under these words can't be said so.
        """
        if isinstance(parts := given.get("allOf"), list):
            rest = {word: value for word, value in given.items() if word != "allOf"}
            for part in parts[:MOST_PARTS]:
                rest = _both(rest, self._merged(self._follow(part), depth + 1)) if self._goes(part, depth) else rest
            self._lost += len(parts) > MOST_PARTS
            given = rest
        for word in CHOICES:
            if isinstance(choices := given.get(word), list):
                rest = {name: value for name, value in given.items() if name != word}
                said = self._choice(word, choices, depth)
                if word in said and "type" in rest:
                    said.pop("type", None)  # the choices say it themselves
                given = _both(rest, said)
        return {word: value for word, value in given.items() if word not in PARTS or _is_list(value)}

    def _choice(self, word: str, choices: list[Any], depth: int) -> JSON:
        some = choices[:MOST_PARTS]
        known = [self._merged(self._follow(each), depth + 1) for each in some if self._goes(each, depth)]
        if len(known) != len(choices):
            self._lost += 1
            return {}
        real = [each for each in known if each.get("type") != "null"]
        if len(real) == 1:
            return {**real[0], "nullable": True} if len(real) < len(known) else real[0]
        if all("const" in each for each in real):
            return {"enum": [each["const"] for each in real] + [None] * (len(real) < len(known))}
        kinds = [each["type"] for each in known if isinstance(each.get("type"), str)]
        plain: JSON = {"type": sorted(set(kinds))} if len(kinds) == len(known) else {}
        says_all = plain and all(set(each) <= {"type", *SAID} for each in known)
        return plain if says_all else {**plain, word: choices}

    def _goes(self, part: Any, depth: int) -> bool:
        self._nodes += 1
        if self._nodes > NODES:
            raise Unfit(f"Its arguments' schema has more than {NODES} parts")
        return isinstance(part, dict) and depth < DEPTH


def _all_properties(made: JSON) -> JSON:
    """With those of its choices, since models' interfaces take no choice at the top; what they have otherwise takes anything."""
    found = dict(made.get("properties", {}))
    for word in CHOICES:
        said: dict[str, list[JSON]] = {}
        for part in made.get(word, ()):
            for name, each in _all_properties(part).items():
                said.setdefault(name, []).append(each)
        for name, schemas in said.items():
            found.setdefault(name, schemas[0] if all(each == schemas[0] for each in schemas) else {})
    return found


def _both(one: JSON, other: JSON) -> JSON:
    """Both hold: properties and what is required come together; a limit that both have otherwise is left in `allOf`."""
    made = {**other, **one}
    if isinstance(one.get("properties"), dict) and isinstance(other.get("properties"), dict):
        if len(one["properties"]) + len(other["properties"]) > MERGED_PROPERTIES:
            raise Unfit(f"An object of its arguments has more than {MERGED_PROPERTIES} properties")
        made["properties"] = {**other["properties"], **one["properties"]}
        for name in one["properties"].keys() & other["properties"].keys():
            mine, theirs = one["properties"][name], other["properties"][name]
            if mine != theirs:
                made["properties"][name] = {"allOf": [mine, theirs]}
    unlike = {
        word: other[word] for word in sorted(BOUNDS) if word in one and word in other and one[word] != other[word]
    }
    left = [*one.get("allOf", ()), *other.get("allOf", ()), *([unlike] if unlike else [])]
    if left:
        made["allOf"] = left
    if _is_words(one.get("required")) and _is_words(other.get("required")):
        made["required"] = [*one["required"], *other["required"]]
    return made


def _types(given: JSON) -> JSON:
    named = given.get("type")
    kinds = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    kinds = list(dict.fromkeys(kind for kind in kinds if isinstance(kind, str) and kind in TYPES))
    if not kinds and isinstance(given.get("properties"), dict):
        kinds = ["object"]
    if kinds and given.get("nullable") is True and "null" not in kinds:
        kinds.append("null")
    return {"type": kinds[0] if len(kinds) == 1 else kinds} if kinds else {}


def _texts(given: JSON) -> JSON:
    texts = {word: given[word] for word in ("title", "description") if isinstance(given.get(word), str)}
    seen = {word: visible(text, DESCRIPTION_CHARS) for word, text in texts.items()}
    return {word: text for word, text in seen.items() if text}


def _numbers(given: JSON) -> JSON:
    made: JSON = {word: given[word] for word in COUNTS if type(given.get(word)) is int and given[word] >= 0}
    for limit, exclusive in LIMITS:
        if given.get(exclusive) is True and _is_number(given.get(limit)):
            made[exclusive] = given[limit]
            continue
        made |= {word: given[word] for word in (limit, exclusive) if _is_number(given.get(word))}
    return made


def _small(schema: JSON) -> JSON:
    """
    Descriptions go first; a schema that is too large without them is unfit. Well-formed it is by the way it was made:
    checking that against the language's own schema takes up to half a second.
    """
    schema = dict(storable(schema))
    if _size(schema) > SCHEMA_BYTES:
        schema = _without_texts(schema)
    if (size := _size(schema)) > SCHEMA_BYTES:
        raise Unfit(f"Its arguments' schema has {size} bytes; the limit is {SCHEMA_BYTES}")
    return schema


def _size(value: Any) -> int:
    """
    In bytes of JSON.

    Raises:
        Unfit: it is nested too deeply, or no JSON.
    """
    try:
        return len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise Unfit("Its arguments' schema is not well-formed") from None


def _without_texts(schema: JSON) -> JSON:
    """Of a fitted schema: properties that are called `title` stay."""
    made = {word: value for word, value in schema.items() if word not in ("title", "description", "default")}
    if "properties" in made:
        made["properties"] = {name: _without_texts(each) for name, each in made["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(made.get(word), dict):
            made[word] = _without_texts(made[word])
    return made | {word: [_without_texts(each) for each in made[word]] for word in PARTS if word in made}


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))
