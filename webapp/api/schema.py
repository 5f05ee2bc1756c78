"""The OpenAPI document, made from the views: their methods, scopes (`x-scope`), bodies and query parameters."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, JsonResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from webapp.common.values import JSON

STATUSES = {
    "400": "A field breaks a rule; the text names it and the limit.",
    "401": "No valid credential.",
    "403": "The credential lacks the scope.",
    "404": "It does not exist, or it is someone else's.",
    "429": "Over a rate limit; Retry-After says how long.",
}


class HartleySchema(AutoSchema):
    """A view says what it takes in `bodies` and `queries`, by method, as JSON schemas; open routes have no scope."""

    def get_request_serializer(self) -> Any:
        body = getattr(self.view, "bodies", {}).get(self.method)
        if body and body.get("format") == "binary":
            return {"application/octet-stream": body}
        return {"application/json": body} if body else None

    def get_response_serializers(self) -> Any:
        return {"200": OpenApiTypes.OBJECT}

    def get_override_parameters(self) -> list[Any]:
        queries = getattr(self.view, "queries", {}).get(self.method, {})
        return [OpenApiParameter(name, kind) for name, kind in queries.items()]

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"key": []}, {"bearer": []}] if self.view.authentication_classes else []

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        scope = getattr(self.view, "scopes", {}).get(self.method)
        for status, text in STATUSES.items():
            operation["responses"].setdefault(status, {"description": text})
        return operation | ({"x-scope": scope} if scope else {})

    def get_operation_id(self) -> str:
        name = type(self.view).__name__
        return f"{self.method.lower()}_{name[0].lower()}{name[1:]}"

    def get_description(self) -> str:  # type: ignore[override]
        return (type(self.view).__doc__ or "").strip()


@cache
def document() -> JSON:
    return dict(SchemaGenerator().get_schema(public=True))


def openapi(request: HttpRequest) -> JsonResponse:
    return JsonResponse(document())


def whole(result: JSON, generator: Any, request: Any, public: bool) -> JSON:
    """What is no REST view: health, and the stream of server-sent events."""
    text = {"200": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}}
    for name in ("health", "readiness", "openapi.json"):
        busy = {"503": {"description": "Not ready; `checks` says what is missing."}} if name == "readiness" else {}
        result["paths"][f"/{name}"] = {"get": {"operationId": f"get_{name.split('.')[0]}", "responses": text | busy}}
    asked = [
        {"name": name, "in": "query", "required": name == "workflow_id", "schema": {"type": "string"}}
        for name in ("workflow_id", "types", "last_event_id")
    ]
    stream = {"200": {"description": "Events, up to `done`.", "content": {"text/event-stream": {}}}}
    result["paths"]["/api/v1/stream/sse"] = {
        "get": {
            "operationId": "get_events",
            "x-scope": "workflows:read",
            "parameters": asked,
            "security": [{"key": []}, {"bearer": []}],
            "responses": stream | {status: {"description": text} for status, text in STATUSES.items()},
        }
    }
    result.setdefault("components", {})["securitySchemes"] = {
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    return result
