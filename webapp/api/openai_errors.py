"""Errors in OpenAI's shape, which every route under /v1 answers with. Pure."""

from __future__ import annotations

from webapp.common.values import JSON

TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    429: "rate_limit_exceeded",
}
CLIENTS_OWN = ("invalid", "not_found", "forbidden", "unauthorized", "internal")  # of ours, which OpenAI names otherwise


def openai_error(status: int, message: str, *, code: str | None = None, param: str | None = None) -> JSON:
    """`{"error": {"message": "temperature: must be ...", "type": "invalid_request_error", "param": "temperature", ...}}`"""
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    named = code if code and code not in CLIENTS_OWN else CODES.get(status, "internal_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": named}}
