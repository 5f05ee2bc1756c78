"""Reads JSON whatever the content type says: clients send it on requests without a body, and without naming it."""

from __future__ import annotations

import json
import math
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from webapp.common.values import storable


class AnyJSONParser(JSONParser):
    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """
        Half an emoji or a NUL in some text is no reason to refuse the rest; a number or a depth that nobody can store is.

        Raises:
            ParseError
        """
        try:
            return storable(json.loads(stream.read(), parse_constant=_refuse, parse_float=_finite))
        except RecursionError:
            raise ParseError("JSON parse error - it is nested too deeply") from None
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}") from None


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text[:40]} is no number that can be stored")
