"""What was spent, over HTTP: summed by what one likes, and how fast a budget is used up."""

from __future__ import annotations

from typing import ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.budgets import figure, id_of, level_of, period_of
from webapp.api.presenters import moment
from webapp.api.tasks import caller, page
from webapp.budgets.burn import Burn, burn_down
from webapp.budgets.envelopes import envelope_of
from webapp.budgets.models import Level, Period
from webapp.budgets.usage import GROUPS, Usage, UsagePlace, total_usage, usage
from webapp.budgets.window import Window, read_window
from webapp.common.errors import Invalid, NotFound
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON

MOST_DAYS = 400


class UsageSums(APIView):
    """
    Tokens, calls and USD of the time, by day, user, agent, model, provider, session or purpose: the dearest first, days
    from the newest on; `total` is over all groups. What is held is held now, whatever the time asked for.
    """

    scopes: ClassVar = {"GET": "budgets:read"}
    queries: ClassVar = {"GET": {**dict.fromkeys(("by", "since", "until", "cursor"), str), "limit": int}}

    def get(self, request: Request) -> Response:
        limit = page(request, "limit", 100, least=1, most=500)
        by, window = one_of(request, "by", list(GROUPS), "day"), window_of(request)
        behind = UsagePlace.read(request.query_params.get("cursor", ""))
        if request.query_params.get("cursor") and behind is None:
            raise Invalid(field="cursor", message="must be a next_cursor of this route")
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            found = usage(tenant, by, window, behind, limit + 1)
            total = total_usage(tenant, window)
        rows = [{"key": row.key, "name": row.name, **sums_body(row)} for row in found[:limit]]
        last = found[limit - 1] if len(found) > limit else None
        return Response(
            {
                "by": by,
                **span_body(window),
                "rows": rows,
                "count": len(rows),
                "total": sums_body(total),
                "next_cursor": str(UsagePlace(last.usd, last.key)) if last else None,
            }
        )


class BurnDown(APIView):
    """
    What was spent of one budget day by day (UTC), what was left of today's limit, and the day on which it will be reached
    at the pace of the last week; null for never. The tenant's budget, unless level and owner name another; of an agent the
    owner is its task.
    """

    scopes: ClassVar = {"GET": "budgets:read"}
    queries: ClassVar = {"GET": {**dict.fromkeys(("level", "owner", "period", "agent"), str), "days": int}}

    def get(self, request: Request) -> Response:
        days = page(request, "days", 30, least=1, most=MOST_DAYS)
        level, tenant = level_of(request) or Level.TENANT, caller(request).tenant_id
        owner = tenant if level == Level.TENANT else id_of(request, "owner")
        period, agent = period_of(request) or Period.TOTAL, request.query_params.get("agent", "").replace("\0", "")
        if owner is None:
            raise Invalid(field="owner", message=f"must be the id of the {level}")
        with tenant_scope(tenant):
            envelope = envelope_of(tenant, owner, period=period, agent=agent)
            if envelope is None or envelope.level != level:
                raise NotFound("budget")
            burns = burn_down(tenant, envelope, days, timezone.now().date())
        body = {"budget_id": str(envelope.id), "level": level, "owner": str(owner), "period": period, "days": days}
        return Response({**body, "units": {burn.unit.name: burn_body(burn) for burn in burns}})


def sums_body(row: Usage) -> JSON:
    """`{"tokens": 902, "prompt_tokens": 812, "completion_tokens": 90, "cached_tokens": 0, "calls": 1, "usd": 0.0021, …}`"""
    return {
        "tokens": row.tokens,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "cached_tokens": row.cached_tokens,
        "calls": row.calls,
        "tool_calls": row.tool_calls,
        "seconds": float(row.seconds),
        "usd": float(row.usd),
        "worst_case_usd": float(row.worst_case_usd),
        "held_tokens": row.held_tokens,
        "held_usd": float(row.held_usd),
    }


def burn_body(burn: Burn) -> JSON:
    """`{"limit": 1000, "left": 300, "per_day": 100.0, "reached_on": "2026-11-24", "by_day": [{"day", "spent", "left"}, …]}`"""
    return {
        "limit": figure(burn.unit, burn.limit),
        "left": figure(burn.unit, burn.left),
        "per_day": burn.per_day,
        "reached_on": burn.reached_on.isoformat() if burn.reached_on else None,
        "by_day": [
            {
                "day": row.day.isoformat(),
                "spent": figure(burn.unit, row.spent),
                "left": figure(burn.unit, row.left),
            }
            for row in burn.days
        ],
    }


def window_of(request: Request) -> Window:
    asked = request.query_params
    return read_window(asked.get("since", ""), asked.get("until", ""), timezone.now())


def span_body(window: Window) -> JSON:
    return {"since": moment(window.since), "until": moment(window.until)}


def one_of(request: Request, name: str, allowed: list[str], default: str) -> str:
    value = request.query_params.get(name, default)
    if value not in allowed:
        raise Invalid(field=name, message=f"must be one of {', '.join(allowed)}")
    return value
