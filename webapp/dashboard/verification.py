"""Whether every balance is what its ledger says: asked by a button, as the answer reads the whole ledger."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from webapp.budgets.envelopes import by_id
from webapp.budgets.errors import VerificationUnderWay
from webapp.budgets.models import UNITS
from webapp.budgets.verify import Difference, Over, verify_alone
from webapp.common.values import JSON
from webapp.dashboard.pages import page, shown
from webapp.tenants.rules import Principal

SHOWN = 100


@never_cache
@require_http_methods(["GET", "POST"])
@page(scope="budgets:read")
def verify(request: HttpRequest, who: Principal) -> HttpResponse:
    if request.method == "GET":
        return shown(request, "budgets/verify.html", {})
    try:
        context = _verified(who.tenant_id)
    except VerificationUnderWay as error:
        response = shown(request, "budgets/verify.html", {"busy": str(error)})
        response.status_code = error.status
        return response
    return shown(request, "budgets/verify.html", context)


def _verified(tenant: UUID) -> JSON:
    result = verify_alone(tenant)
    return {
        "result": result,
        "at": timezone.now(),
        "differences": _told(tenant, result.differences[:SHOWN]),
        "over": _told(tenant, result.over[:SHOWN]),
        "more": sum(max(0, len(found) - SHOWN) for found in (result.differences, result.over)),
    }


def _told(tenant: UUID, found: list[Difference] | list[Over]) -> list[JSON]:
    """Each with its budget, owner in words, and its unit as people say it. The budget of an old task may be gone by now."""
    named = by_id(tenant, [each.envelope for each in found])
    return [{"it": each, "envelope": named.get(each.envelope), "unit": UNITS[each.unit]} for each in found]
