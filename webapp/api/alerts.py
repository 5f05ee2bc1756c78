"""Alerts of budgets over HTTP: listed, the newest first, and marked as seen."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.presenters import moment
from webapp.api.tasks import caller, page
from webapp.budgets.alerts import alert_data, alerts_of, count_alerts, see_alert
from webapp.budgets.models import Alert
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON

SEEN = {"": None, "true": True, "false": False}


class BudgetAlerts(APIView):
    """Budgets that have reached a share of a limit; `seen=false` for those that nobody has seen."""

    scopes: ClassVar = {"GET": "budgets:read"}
    queries: ClassVar = {"GET": {"limit": int, "offset": int, "seen": str}}

    def get(self, request: Request) -> Response:
        limit, offset = page(request, "limit", 50, least=1, most=200), page(request, "offset", 0, least=0)
        seen = request.query_params.get("seen", "")
        if seen not in SEEN:
            raise Invalid(field="seen", message="must be true or false")
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            rows = [_body(row) for row in alerts_of(tenant, seen=SEEN[seen], limit=limit, offset=offset)]
            total = count_alerts(tenant, seen=SEEN[seen])
        return Response({"alerts": rows, "total_count": total})


class SeenBudgetAlert(APIView):
    scopes: ClassVar = {"POST": "budgets:read"}

    def post(self, request: Request, alert: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            return Response(_body(see_alert(tenant=who.tenant_id, name=alert, by=who.email)))


def _body(alert: Alert) -> JSON:
    return {
        **alert_data(alert),
        "owner": getattr(alert, "owner_name", ""),
        "seen_at": moment(alert.seen_at),
        "seen_by": alert.seen_by,
    }
