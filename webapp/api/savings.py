"""What did not have to be paid for, over HTTP."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.tasks import caller
from webapp.api.usage import one_of, span_body, window_of
from webapp.budgets.savings import GROUPS, Saved, savings
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON


class SavingSums(APIView):
    """
    By cause, day or model. `usd` is below zero where a provider's cache has cost more than it gave back; `share` is of
    what would have been paid, which is `paid_usd` and the savings together.
    """

    scopes: ClassVar = {"GET": "budgets:read"}
    queries: ClassVar = {"GET": dict.fromkeys(("by", "since", "until"), str)}

    def get(self, request: Request) -> Response:
        by, window = one_of(request, "by", list(GROUPS), "cause"), window_of(request)
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            found = savings(tenant, by, window)
        rows = [{"key": row.key, "name": row.name, **saved_body(row)} for row in found.rows]
        total = {**saved_body(found.total), "paid_usd": float(found.paid)}
        return Response({"by": by, **span_body(window), "rows": rows, "count": len(rows), "total": total})


def saved_body(row: Saved) -> JSON:
    """`{"count": 12, "tokens": 48000, "usd": 0.12, "share": 0.31}`"""
    return {"count": row.count, "tokens": row.tokens, "usd": float(row.usd), "share": row.share}
