"""Asks a JSON document by a JMESPath expression. Pure; a short expression can double a value again and again."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import jmespath
from jmespath.exceptions import JMESPathError

from workers.toolbox.refused import Refused

CHARS_SHOWN = 60_000


def warm_up() -> None:
    do({"expression": "a[?b=='c'] | sort_by(@, &b)", "most": 1}, (b'{"a": [{"b": "c"}]}',))


def do(asked: dict[str, Any], blobs: tuple[bytes, ...]) -> dict[str, Any]:
    """
    Args:
        asked: `{"expression": "orders[].id", "most": 100}`; blobs: the document in UTF-8.
    Raises:
        Refused: not JSON, not an expression, or its value is too large to be shown.
    """
    value = _found(asked["expression"], _parsed(blobs[0]))
    if not isinstance(value, list):
        return {"value": _bounded(value)}
    return {"value": _bounded(value[: asked["most"]]), "count": len(value), "truncated": len(value) > asked["most"]}


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data, parse_constant=_no_number)
    except RecursionError:
        raise Refused("json_query.document", "the document is nested too deeply") from None
    except ValueError as error:  # bad UTF-8 and numbers of too many digits too
        raise Refused("json_query.document", f"the document is not JSON: {error}") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _found(expression: str, document: Any) -> Any:
    try:
        return jmespath.search(expression, document)
    except RecursionError:
        raise Refused("json_query.expression", "expression: nested too deeply") from None
    except (JMESPathError, ValueError, TypeError, AttributeError) as error:
        # The library's own checks don't reach all that is mixed, such as sorting text among numbers.
        raise Refused("json_query.expression", f"expression: {str(error)[:500]}") from None


def _bounded(value: Any) -> Any:
    """Piece by piece, so that a value which would never end is not written out to learn how long it is."""
    left = CHARS_SHOWN
    try:
        for piece in json.JSONEncoder(allow_nan=False, check_circular=False).iterencode(value):
            left -= len(piece)
            if left < 0:
                raise Refused(
                    "json_query.too_large",
                    f"the result has more than {CHARS_SHOWN:,} characters; narrow the expression or max_results",
                )
    except RecursionError:
        raise Refused("json_query.too_large", "the result is nested too deeply") from None
    except (ValueError, TypeError):
        raise Refused(
            "json_query.expression", "expression: its value is not JSON: a number too large, or an &expression"
        ) from None
    return value
