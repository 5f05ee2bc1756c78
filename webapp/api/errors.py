"""
Exceptions to the wire: a flat `{"error": text}`, under /v1 OpenAI's `{"error": {"message", "type", "param", "code"}}`.
The tenant's doing is explained, ours is logged with a trace.
"""

from __future__ import annotations

from typing import Any

import structlog
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from webapp.api.limits import RateLimited
from webapp.api.openai_errors import openai_error
from webapp.common.errors import HartleyError

log = structlog.get_logger()
OURS = "Internal error; the operators can find it by the X-Trace-ID"
CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 500: "internal_error"}


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    response = _answer(error, context)
    if response is not None and getattr(context["view"], "errors_with_success", False):
        response.data = {"success": False, **response.data}  # as clients of the files' routes look for it
    return response


def _answer(error: Exception, context: dict[str, Any]) -> Response | None:
    by_code = getattr(context["view"], "errors_by_code", False)  # the auth routes say {"error": code, "message": text}
    if getattr(context["view"], "errors_as_openai", False):
        return _openai(error, context)
    if isinstance(error, HartleyError) and error.status < 500:
        return Response(_body(error, by_code), status=error.status, headers=_headers(error))
    response = exception_handler(error, context)
    if response is None:
        log.exception("request.failed", path=context["request"].path)
        return Response({"error": CODES[500], "message": OURS} if by_code else {"error": OURS}, status=500)
    detail = error.detail if isinstance(error, APIException) else "Not found"
    response.data = {"error": str(detail)}
    if by_code:
        code = CODES.get(response.status_code, "invalid_request")
        response.data = {"error": code, "message": str(detail)}
    return response


def _openai(error: Exception, context: dict[str, Any]) -> Response:
    if isinstance(error, HartleyError) and error.status < 500:
        body = openai_error(error.status, str(error), code=error.code, param=getattr(error, "field", None))
        return Response(body, status=error.status, headers=_headers(error))
    response = exception_handler(error, context)
    if response is None:
        log.exception("request.failed", path=context["request"].path)
        return Response(openai_error(500, OURS), status=500)
    response.data = openai_error(
        response.status_code, str(error.detail) if isinstance(error, APIException) else "Not found"
    )
    return response


def _body(error: HartleyError, by_code: bool) -> dict[str, str]:
    if by_code:
        code = "invalid_request" if error.code == "invalid" else error.code
        return {"error": code, "message": str(error)}
    if isinstance(error, RateLimited):
        return {"error": error.code, "message": str(error), "window": error.window}
    return {"error": str(error), "code": error.code}


def _headers(error: HartleyError) -> dict[str, str]:
    after = getattr(error, "retry_after_s", None)
    return {"Retry-After": str(after)} if after is not None else {}
