"""Alerts as the engine writes them, without spending anything."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from webapp.budgets.models import Alert, Envelope, Level


def alert_of(tenant: UUID, *, level: Level = Level.TENANT, owner: UUID | None = None, **more: object) -> Alert:
    """Of a budget of two dollars, within the tenant's scope; each test's own is found again, not made twice."""
    envelope, _ = Envelope.objects.get_or_create(tenant_id=tenant, level=level, owner_id=owner or tenant)
    told = {"unit": "usd", "percent": 80, "limit_value": Decimal(2), **more}
    values = {"level": level, "owner_id": envelope.owner_id, "used_value": told["limit_value"] * Decimal("0.805")}  # type: ignore[operator]
    made, _ = Alert.objects.get_or_create(tenant_id=tenant, envelope=envelope, **told, defaults=values)  # type: ignore[arg-type]
    return made
