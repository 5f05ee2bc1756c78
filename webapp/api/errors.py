"""Exceptions to the wire: a flat `{"error": text}`. The tenant's doing is explained, ours is logged with a trace."""

from __future__ import annotations

from typing import Any

import structlog
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from webapp.common.errors import HartleyError

log = structlog.get_logger()


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, HartleyError) and error.status < 500:
        return Response({"error": str(error), "code": error.code}, status=error.status)
    response = exception_handler(error, context)
    if response is None:
        log.exception("request.failed", path=context["request"].path)
        return Response({"error": "Internal error; the operators can find it by the X-Trace-ID"}, status=500)
    detail = error.detail if isinstance(error, APIException) else "Not found"
    response.data = {"error": str(detail)}
    return response
