"""Reads JSON whatever the content type says: clients send it on requests without a body, and without naming it."""

from __future__ import annotations

from typing import Any

from rest_framework.parsers import JSONParser

from webapp.common.values import storable


class AnyJSONParser(JSONParser):
    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Half an emoji or a NUL in some text is no reason to refuse the rest."""
        return storable(super().parse(stream, media_type, parser_context))
