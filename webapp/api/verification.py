"""Whether every balance is what its ledger says, over HTTP."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.budgets import figure
from webapp.api.presenters import moment
from webapp.api.tasks import caller
from webapp.budgets.units import UNITS
from webapp.budgets.verify import Difference, Over, Verification, verify_alone
from webapp.common.values import JSON

BY_NAME = {unit.name: unit for unit in UNITS}


class BudgetVerification(APIView):
    """Recomputes every balance from the ledger, which reads all of it; of a tenant one at a time, else 409."""

    scopes: ClassVar = {"GET": "budgets:read"}

    def get(self, request: Request) -> Response:
        return Response(verification_body(verify_alone(caller(request).tenant_id)))


def verification_body(found: Verification) -> JSON:
    """
    `{"verified_at": "2026-11-21T10:00:00Z", "sound": false, "budgets": 4, "holds": 90, "open_holds": 1, "differences": [{"budget_id":
    "01a…", "level": "task", "owner_id": "01b…", "agent": "", "period": "total", "unit": "tokens", "what": "spent", "budget": 78,
    "ledger": 77}], "over_limit": []}`
    """
    return {
        "verified_at": moment(timezone.now()),
        "sound": found.sound,
        "budgets": found.envelopes,
        "holds": found.holds,
        "open_holds": found.open,
        "differences": [
            _place(each, what=each.what, **_figures(each, "budget", "ledger")) for each in found.differences
        ],
        "over_limit": [_place(each, **_figures(each, "limit", "booked")) for each in found.over],
    }


def _place(found: Difference | Over, **more: Any) -> JSON:
    return {
        "budget_id": str(found.envelope),
        "level": found.level,
        "owner_id": str(found.owner),
        "agent": found.name,
        "period": found.period,
        "unit": found.unit,
        **more,
    }


def _figures(found: Difference | Over, *names: str) -> JSON:
    return {name: figure(BY_NAME[found.unit], getattr(found, name)) for name in names}
