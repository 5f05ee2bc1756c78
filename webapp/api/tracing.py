"""One trace id per request: the caller's, or a new one; answered in the headers and bound to the logs."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class TraceMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        trace, span = trace_of(request), secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(trace=trace)
        response = self._get_response(request)
        response["X-Trace-ID"], response["X-Span-ID"] = trace, span
        return response


def trace_of(request: HttpRequest) -> str:
    parent = request.headers.get("traceparent", "").split("-")
    if len(parent) >= 2 and len(parent[1]) == 32:
        return parent[1]
    given = request.headers.get("X-Trace-ID") or request.headers.get("X-Request-ID") or ""
    return given[:64] if given.isascii() and given.isprintable() and given else secrets.token_hex(16)
