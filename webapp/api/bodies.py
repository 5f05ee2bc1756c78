"""The body of a request, as JSON that routes can look into."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from webapp.common.errors import Invalid
from webapp.common.values import JSON


def object_in(request: Request) -> JSON:
    """
    Raises:
        Invalid: the body is no JSON object.
    """
    return an_object(request.data)


def an_object(body: Any) -> JSON:
    """
    Raises:
        Invalid: `body` is no JSON object.
    """
    if not isinstance(body, dict):
        raise Invalid(field="body", message="must be a JSON object")
    return body
