"""Savings: what did not have to be paid for, why, and where it was."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from webapp.budgets.models import Cause
from webapp.budgets.savings import Saved, Savings, savings
from webapp.budgets.window import last
from webapp.dashboard.budgets import SPANS, one_of
from webapp.dashboard.pages import page, shown
from webapp.tenants.rules import Principal

WORDS = {
    Cause.EXACT: "The very same call had been answered before, so the kept answer was given. Nothing was sent.",
    Cause.SEMANTIC: "A question that means the same had been answered before, so its answer was given. Nothing was sent.",
    Cause.SINGLE_FLIGHT: "The same call was just under way for somebody else of this tenant: both got the one answer.",
    Cause.PROVIDER_CACHE: "The provider had kept the beginning of the prompt and bills less for it. Some bill more for what goes into their cache, so this may cost at first and pays when the same beginning comes again.",
    Cause.CONTEXT: "Old messages of a long conversation were replaced by a summary, so the prompt was shorter.",
}  # fmt: skip
NAMES = {
    Cause.EXACT: "Same call",
    Cause.SEMANTIC: "Alike question",
    Cause.SINGLE_FLIGHT: "Shared call",
    Cause.PROVIDER_CACHE: "Provider's cache",
    Cause.CONTEXT: "Shorter context",
}


@page(scope="budgets:read")
def saved(request: HttpRequest, who: Principal) -> HttpResponse:
    days = int(one_of(request.GET, "days", SPANS, "30"))
    window = last(timedelta(days=days), timezone.now())
    by_cause = savings(who.tenant_id, "cause", window)
    context = {
        "causes": _causes(by_cause),
        "total": by_cause.total,
        "paid": by_cause.paid,
        "models": savings(who.tenant_id, "model", window).rows,
        "days": days,
        "spans": SPANS,
    }
    return shown(request, "budgets/savings.html", context)


def _causes(found: Savings) -> list[tuple[str, str, Saved | None]]:
    """All there are, those that saved nothing last: their name, what they mean, and what they saved."""
    known = {row.key: row for row in found.rows}
    order = sorted(Cause, key=lambda cause: list(known).index(cause) if cause in known else len(known))
    return [(NAMES[cause], WORDS[cause], known.get(cause)) for cause in order]
