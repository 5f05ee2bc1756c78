"""Alerts of budgets: read, told to others, marked as seen."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from webapp.budgets.envelopes import owner_name
from webapp.budgets.models import Alert
from webapp.common.errors import NotFound
from webapp.common.tables import now
from webapp.common.values import JSON


def alerts_of(tenant: UUID, *, seen: bool | None, limit: int, offset: int = 0) -> list[Alert]:
    """The newest first, each with its owner in words as `owner_name`; `seen` of None is both."""
    rows = Alert.objects.filter(tenant_id=tenant)
    if seen is not None:
        rows = rows.filter(seen_at__isnull=not seen)
    return list(_named(rows).order_by("-created_at", "-id")[offset : offset + limit])


def count_alerts(tenant: UUID, *, seen: bool | None) -> int:
    rows = Alert.objects.filter(tenant_id=tenant)
    return rows.count() if seen is None else rows.filter(seen_at__isnull=not seen).count()


def unseen_of_tenant() -> Coalesce:
    """How many of its tenant's alerts nobody has seen, for a query of people to bring along."""
    unseen = Alert.objects.filter(tenant_id=OuterRef("tenant_id"), seen_at=None).order_by().values("tenant_id")
    return Coalesce(Subquery(unseen.annotate(many=Count("id")).values("many")), 0, output_field=IntegerField())


def find_alert(tenant: UUID, name: str | int) -> Alert:
    """
    Raises:
        NotFound: also for another tenant's.
    """
    text = str(name)
    known = text.isascii() and text.isdecimal() and len(text) < 19
    found = _named(Alert.objects.filter(tenant_id=tenant, id=int(text))).first() if known else None
    if found is None:
        raise NotFound("alert")
    return found


def see_alert(*, tenant: UUID, name: str | int, by: str) -> Alert:
    """
    The first to see it is kept.

    Raises:
        NotFound
    """
    alert = find_alert(tenant, name)
    Alert.objects.filter(tenant_id=tenant, id=alert.id, seen_at=None).update(seen_at=now(), seen_by=by)
    return find_alert(tenant, alert.id)


def alert_data(alert: Alert) -> JSON:
    """
    What others are told. `limit` and `used` are in `unit`.

    `{"alert_id": 7, "level": "task", "owner_id": "0198…", "agent": "", "period": "", "window_start": null,
    "unit": "usd", "percent": 80, "limit": 2, "used": 1.6125, "task_id": "0198…", "created_at": "2026-11-21T10:00:00Z"}`
    """
    return {
        "alert_id": alert.id,
        "level": alert.level,
        "owner_id": str(alert.owner_id),
        "agent": alert.name,
        "period": alert.period,
        "window_start": alert.window_start.isoformat().replace("+00:00", "Z") if alert.window_start else None,
        "unit": alert.unit,
        "percent": alert.percent,
        "limit": _number(alert.limit_value),
        "used": _number(alert.used_value),
        "task_id": str(alert.task_id) if alert.task_id else None,
        "created_at": alert.created_at.isoformat().replace("+00:00", "Z"),
    }


def _named(rows: QuerySet[Alert]) -> QuerySet[Alert]:
    return rows.annotate(owner_name=owner_name())


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
