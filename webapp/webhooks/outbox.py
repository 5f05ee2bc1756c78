"""
What is to be delivered: made of new alerts, claimed by one worker at a time, recorded with what came of it.

For workers. Each function enters the scopes of the tenants itself; looking over all tenants is left to functions of the
database that return ids only.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import F
from django.utils import timezone

from webapp.budgets.alerts import alert_data
from webapp.budgets.models import Alert
from webapp.common.encryption import Unsealable
from webapp.common.tables import now
from webapp.common.tenancy import tenant_scope
from webapp.webhooks import secrets
from webapp.webhooks.models import ERROR_CHARS, Delivery, DeliveryState, Kind, Webhook
from webapp.webhooks.rules import retry_after_s
from webapp.webhooks.services import body_of

AT_ONCE = 500
LEASE_SLACK_S = 5.0  # beyond the longest try, for recording what came of it


@dataclass(frozen=True)
class Parcel:
    """
    A claimed delivery, as it is sent.

    Attributes:
        secrets: that sign; empty when they can't be opened.
    """

    tenant: UUID
    delivery: UUID
    webhook: UUID
    attempt: int
    claimed_until: datetime
    url: str
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """`error` is "" for a delivery that was taken."""

    status: int | None
    error: str


def tell_alerts() -> int:
    """Makes a delivery of each alert for each webhook that listens to them; returns how many it looked at."""
    found: dict[UUID, list[tuple[UUID, int]]] = defaultdict(list)
    for tenant, webhook, alert in _rows("webhooks_untold(%s, %s)", settings.WEBHOOK_ALERTS_S, AT_ONCE):
        found[tenant].append((webhook, alert))
    for tenant, pairs in found.items():
        with tenant_scope(tenant):
            alerts = Alert.objects.in_bulk({alert for _, alert in pairs})
            hooks = Webhook.objects.filter(id__in={webhook for webhook, _ in pairs}).select_for_update(no_key=True)
            there = set(hooks.order_by("id").values_list("id", flat=True))  # one removed meanwhile gets nothing
            made = [_of_alert(webhook, alerts[alert]) for webhook, alert in pairs if webhook in there]
            Delivery.objects.bulk_create(made, ignore_conflicts=True)
    return sum(map(len, found.values()))


def claim(most: int) -> list[Parcel]:
    """At most so many that are due; nobody else gets them until their lease is over."""
    lease_s = settings.WEBHOOK_TIMEOUT_S + LEASE_SLACK_S
    limits = (most, settings.WEBHOOK_SLOTS_EACH, len(settings.WEBHOOK_RETRIES_S) + 1, lease_s)
    found: dict[UUID, dict[UUID, datetime]] = defaultdict(dict)
    for tenant, delivery, until in _rows("webhooks_claim(%s, %s, %s, %s)", *limits):
        found[tenant][delivery] = until
    return [parcel for tenant, claimed in found.items() for parcel in _parcels(tenant, claimed)]


def record(parcel: Parcel, outcome: Outcome, *, jitter: float) -> None:
    """What came of a try; of one whose claim is over nothing is written."""
    told = {"status": outcome.status, "error": outcome.error[:ERROR_CHARS], "claimed_until": None}
    wait_s = retry_after_s(parcel.attempt, settings.WEBHOOK_RETRIES_S, jitter=jitter) if outcome.error else None
    change: dict[str, Any] = {"state": DeliveryState.GIVEN_UP}
    if not outcome.error:
        change = {"state": DeliveryState.DELIVERED, "delivered_at": now()}
    elif wait_s is not None:
        change = {"next_at": now() + timedelta(seconds=wait_s)}
    with tenant_scope(parcel.tenant):
        mine = Delivery.objects.filter(
            id=parcel.delivery, claimed_until=parcel.claimed_until, state=DeliveryState.WAITING
        )
        if mine.update(**told, **change):
            Webhook.objects.filter(id=parcel.webhook).update(
                last_status=outcome.status,
                last_error=outcome.error[:ERROR_CHARS],
                last_at=now(),
                failures=F("failures") + 1 if outcome.error else 0,
            )


def forget() -> None:
    """Deliveries that ended WEBHOOK_KEEP_S ago, some at a time."""
    _rows("webhooks_forget(%s, %s)", settings.WEBHOOK_KEEP_S, AT_ONCE)


def _of_alert(webhook: UUID, alert: Alert) -> Delivery:
    body = body_of(Kind.BUDGET_ALERT, alert.created_at, alert_data(alert))
    return Delivery(
        tenant_id=alert.tenant_id,
        webhook_id=webhook,
        event=f"alert:{alert.id}",
        kind=Kind.BUDGET_ALERT,
        body=body,
    )


def _parcels(tenant: UUID, claimed: dict[UUID, datetime]) -> Iterator[Parcel]:
    with tenant_scope(tenant):
        rows = list(Delivery.objects.filter(id__in=claimed).select_related("webhook"))
    for row in rows:
        yield Parcel(
            tenant=tenant,
            delivery=row.id,
            webhook=row.webhook_id,
            attempt=row.attempts,
            claimed_until=claimed[row.id],
            url=row.webhook.url,
            body=json.dumps(row.body, separators=(",", ":")).encode(),
            secrets=_secrets(row.webhook),
        )


def _secrets(webhook: Webhook) -> tuple[str, ...]:
    sealed = [webhook.sealed]
    if webhook.old_sealed and webhook.old_until and webhook.old_until > timezone.now():
        sealed.append(webhook.old_sealed)
    try:
        return tuple(secrets.opened(bytes(each), tenant=webhook.tenant_id, webhook=webhook.id) for each in sealed)
    except Unsealable:
        return ()


def _rows(call: str, *params: Any) -> list[tuple[Any, ...]]:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"SELECT * FROM {call}", params)
        return cursor.fetchall()
