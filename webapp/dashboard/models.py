"""Models: what may be called, and how the tenant's calls went, by provider and tier."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from webapp.common.breakers import BreakerState, breaker_states
from webapp.dashboard.pages import page, shown
from webapp.orchestration import dispatch
from webapp.orchestration.model_status import SPANS, model_status
from webapp.tenants.rules import Principal

FIRST = "24h"
LABELS = {"1h": "last hour", "24h": "last 24 hours"}


@page(scope="workflows:read")
def models(request: HttpRequest, who: Principal) -> HttpResponse:
    since = request.GET.get("since", "")
    since = since if since in SPANS else FIRST
    status = model_status(who.tenant_id, SPANS[since])
    platform = "queues:read" in who.scopes
    breakers = _breakers() if platform else None
    usable = [provider for provider in status.providers if provider.usable or provider.calls.number]
    context = {
        "status": status,
        "usable": usable,
        "rows": [{"provider": provider, "breaker": (breakers or {}).get(provider.name)} for provider in usable],
        "others": [provider for provider in status.providers if not provider.usable and not provider.calls.number],
        "called": any(provider.calls.number for provider in status.providers),
        "since": since,
        "spans": LABELS,
        "sees_platform": platform,
        "redis_away": platform and breakers is None,
        "manages_keys": "api_keys:manage" in who.scopes,
    }
    return shown(request, "models/page.html", context, fragment="models/figures.html")


def _breakers() -> dict[str, BreakerState] | None:
    """By provider, those that have failed; None while Redis is away."""
    try:
        return {state.provider: state for state in breaker_states(dispatch.redis())}
    except RedisError:
        return None
