"""The ledger over HTTP: every paid call, held and settled, as JSON in pages or as CSV."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.presenters import moment
from webapp.api.tasks import caller, page
from webapp.budgets.export import csv_pages, harmless, text_of
from webapp.budgets.ledger import LedgerPlace, Sought, ledger, read_sought
from webapp.budgets.models import Hold
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.tenants.rules import Principal


class CsvRenderer(BaseRenderer):
    """Chosen by `Accept: text/csv` or `?format=csv`. Lines are streamed past it: what it writes are refusals."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, media_type: str | None = None, context: Any = None) -> bytes:
        return text_of([("error",), (harmless(str(data["error"])),)]).encode()


class Ledger(APIView):
    """
    Every call of a model or a tool: held at its worst case, then settled at what it cost, or released. The newest first; go on with
    `cursor` from `next_cursor`. As CSV with `Accept: text/csv` or `format=csv`: at most 20,000 lines, each with its cursor.
    """

    scopes: ClassVar = {"GET": "budgets:read"}
    queries: ClassVar = {
        "GET": {
            **dict.fromkeys(("task_id", "since", "until", "agent", "model", "state", "cursor", "format"), str),
            "limit": int,
        }
    }
    renderer_classes = (JSONRenderer, CsvRenderer)

    def get(self, request: Request) -> HttpResponseBase:
        sought, behind = read_sought(request.query_params), _place(request)
        who = caller(request)
        if request.accepted_renderer.format == CsvRenderer.format:
            return as_csv(who, sought, behind)
        limit = page(request, "limit", 50, least=1, most=500)
        with tenant_scope(who.tenant_id):
            found = ledger(who.tenant_id, sought, behind, limit + 1)
            rows = [line_body(hold) for hold in found[:limit]]
        following = str(LedgerPlace.of(found[limit - 1])) if len(found) > limit else None
        return Response({"lines": rows, "count": len(rows), "next_cursor": following})


def as_csv(who: Principal, sought: Sought, behind: LedgerPlace | None) -> StreamingHttpResponse:
    response = StreamingHttpResponse(csv_pages(who.tenant_id, sought, behind), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="ledger.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _place(request: Request) -> LedgerPlace | None:
    text = request.query_params.get("cursor", "")
    place = LedgerPlace.read(text)
    if text and place is None:
        raise Invalid(field="cursor", message="must be a next_cursor of this route; write its + as %2B")
    return place


def line_body(hold: Hold) -> JSON:
    """
    `{"task_id": "01a…", "step": 3, "attempt": 1, "call": 1, "agent": "analyst", "purpose": "agent", "provider": "openai",
    "model": "gpt-5", "state": "settled", "held_tokens": 5000, "held_usd": 0.05, "prompt_tokens": 812, "completion_tokens": 90,
    "cached_tokens": 0, "tool_calls": 0, "fuel": 0, "seconds": 1.2, "usd": 0.0021, "worst_case": false, "error": "", "created_at": "…Z", "closed_at": "…Z"}`
    """
    same = (
        "step", "call", "agent", "purpose", "provider", "model", "state", "held_tokens", "prompt_tokens",
        "completion_tokens", "cached_tokens", "tool_calls", "fuel", "worst_case", "error",
    )  # fmt: skip
    return {
        "task_id": str(hold.task_id),
        "attempt": hold.fence,
        **{name: getattr(hold, name) for name in same},
        "held_usd": float(hold.held_usd),
        "usd": float(hold.usd),
        "seconds": float(hold.seconds),
        "created_at": moment(hold.created_at),
        "closed_at": moment(hold.closed_at),
    }
