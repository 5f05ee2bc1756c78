"""Webhooks: made, changed, removed, tested; their secret replaced; a delivery tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from webapp.audit.services import record
from webapp.common.addresses import AddressRefused
from webapp.common.errors import Conflict, Invalid
from webapp.common.reach import reach
from webapp.common.tables import now
from webapp.common.values import JSON
from webapp.tenants.models import Tenant, User
from webapp.webhooks import secrets
from webapp.webhooks.models import TEST, Delivery, DeliveryState, Kind, Webhook
from webapp.webhooks.selectors import find_delivery, find_webhook


@dataclass(frozen=True)
class Made:
    """`secret` is shown to whoever made it, once."""

    webhook: Webhook
    secret: str


@transaction.atomic
def make_webhook(*, actor: User, url: Any, kinds: Any) -> Made:
    """
    Within the tenant's scope.

    Raises:
        Invalid: an address that may not be asked, kinds that are none, or too many webhooks.
    """
    url, kinds = check_url(url), check_kinds(kinds)
    Tenant.objects.select_for_update(no_key=True).get(id=actor.tenant_id)  # two at once would pass the limit
    if Webhook.objects.filter(tenant_id=actor.tenant_id).count() >= settings.WEBHOOKS_PER_TENANT:
        raise Invalid(field="url", message=f"a tenant has at most {settings.WEBHOOKS_PER_TENANT} webhooks")
    name, secret = uuid4(), secrets.make_secret()
    sealed = secrets.seal(secret, tenant=actor.tenant_id, webhook=name)
    Webhook.objects.create(
        id=name, tenant_id=actor.tenant_id, url=url, sealed=sealed, kinds=kinds, created_by=actor.email
    )
    record(actor=actor, action="webhook.made", subject=str(name), detail={"host": _host(url), "kinds": kinds})
    return Made(find_webhook(actor.tenant_id, name), secret)


@transaction.atomic
def change_webhook(*, actor: User, name: str, changes: JSON) -> Webhook:
    """
    Args:
        changes: any of url, kinds, is_active; the rest stays.
    Raises:
        NotFound
        Invalid
    """
    webhook = find_webhook(actor.tenant_id, name)
    checks = {"url": check_url, "kinds": check_kinds, "is_active": check_active}
    if odd := sorted(set(changes) - set(checks)):
        raise Invalid(field=str(odd[0])[:60], message=f"can't be changed; these can: {', '.join(checks)}")
    checked = {field: checks[field](value) for field, value in changes.items()}
    Webhook.objects.filter(id=webhook.id).update(**checked)
    told = checked | ({"url": _host(str(checked["url"]))} if "url" in checked else {})
    record(actor=actor, action="webhook.changed", subject=str(webhook.id), detail=told)
    return find_webhook(actor.tenant_id, webhook.id)


@transaction.atomic
def remove_webhook(*, actor: User, name: str) -> None:
    """
    With its deliveries.

    Raises:
        NotFound
    """
    webhook = find_webhook(actor.tenant_id, name)
    webhook.delete()
    record(actor=actor, action="webhook.removed", subject=str(UUID(name)), detail={"host": _host(webhook.url)})


@transaction.atomic
def rotate_secret(*, actor: User, name: str) -> Made:
    """
    A new secret; the old one signs as well for WEBHOOK_SECRET_OVERLAP_S.

    Raises:
        NotFound
    """
    webhook = find_webhook(actor.tenant_id, name)
    secret = secrets.make_secret()
    Webhook.objects.filter(id=webhook.id).update(
        old_sealed=webhook.sealed,
        old_until=now() + timedelta(seconds=settings.WEBHOOK_SECRET_OVERLAP_S),
        sealed=secrets.seal(secret, tenant=actor.tenant_id, webhook=webhook.id),
    )
    record(actor=actor, action="webhook.secret_replaced", subject=str(webhook.id), detail={})
    return Made(find_webhook(actor.tenant_id, webhook.id), secret)


@transaction.atomic
def send_test(*, actor: User, name: str) -> Delivery:
    """
    Raises:
        NotFound
        Conflict: it is switched off.
        Invalid: its address may not be asked any more.
    """
    webhook = find_webhook(actor.tenant_id, name)
    _check_on(webhook)
    check_url(webhook.url)
    event = f"test:{uuid4()}"
    data = {"webhook_id": str(webhook.id), "asked_by": actor.email}
    return Delivery.objects.create(
        tenant_id=actor.tenant_id, webhook=webhook, event=event, kind=TEST, body=body_of(TEST, datetime.now(UTC), data)
    )


@transaction.atomic
def retry_delivery(*, actor: User, webhook: str, name: str) -> Delivery:
    """
    Due at once, with all its tries before it.

    Raises:
        NotFound
        Conflict: it has arrived, is being sent, or its webhook is switched off.
    """
    delivery = find_delivery(actor.tenant_id, webhook, name)
    _check_on(delivery.webhook)
    idle = Q(claimed_until=None) | Q(claimed_until__lt=now())
    rows = Delivery.objects.filter(idle, id=delivery.id).exclude(state=DeliveryState.DELIVERED)
    if not rows.update(state=DeliveryState.WAITING, attempts=0, next_at=now(), claimed_until=None):
        raise Conflict("It has arrived, or is being sent at this moment")
    return find_delivery(actor.tenant_id, delivery.webhook_id, delivery.id)


def body_of(kind: str, at: datetime, data: JSON) -> JSON:
    """`{"type": "budget.alert", "timestamp": "2026-11-21T10:00:00Z", "data": {...}}`"""
    return {"type": kind, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": data}


def check_url(url: Any) -> str:
    """
    Raises:
        Invalid: not an address that may be asked. Where a name leads is looked at whenever something is sent.
    """
    try:
        reach().target(url)
    except AddressRefused as error:
        raise Invalid(field="url", message=str(error)) from None
    return str(url)


def check_kinds(kinds: Any) -> list[str]:
    """
    Raises:
        Invalid
    """
    if not isinstance(kinds, list) or not kinds or not all(kind in Kind.values for kind in kinds):
        raise Invalid(field="kinds", message=f"must be a list of at least one of {', '.join(Kind.values)}")
    return sorted(set(kinds))


def check_active(value: Any) -> bool:
    """
    Raises:
        Invalid
    """
    if not isinstance(value, bool):
        raise Invalid(field="is_active", message="must be true or false")
    return value


def _check_on(webhook: Webhook) -> None:
    if not webhook.is_active:
        raise Conflict("The webhook is switched off")


def _host(url: str) -> str:
    """Paths and queries of webhooks often hold a password, so the audit trail keeps the host alone."""
    return urlsplit(url).netloc
