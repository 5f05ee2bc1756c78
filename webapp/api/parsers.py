"""Reads JSON whatever the content type says: clients send it on requests without a body, and without naming it."""

from __future__ import annotations

from rest_framework.parsers import JSONParser


class AnyJSONParser(JSONParser):
    media_type = "*/*"
