"""Reads webhooks and their deliveries; no secrets."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Prefetch, Window
from django.db.models.functions import RowNumber

from webapp.common.errors import NotFound
from webapp.webhooks.models import Delivery, Webhook

SEALED = ("sealed", "old_sealed")


def webhooks_of(tenant: UUID) -> list[Webhook]:
    """The oldest first."""
    return list(Webhook.objects.filter(tenant_id=tenant).defer(*SEALED).order_by("id"))


def webhooks_with_deliveries(tenant: UUID, each: int) -> list[Webhook]:
    """The newest deliveries of each as `recent`, without their bodies."""
    place = Window(RowNumber(), partition_by="webhook_id", order_by="-id")
    newest = Delivery.objects.filter(tenant_id=tenant).alias(place=place).filter(place__lte=each)
    recent = Prefetch("deliveries", newest.defer("body").order_by("-id"), to_attr="recent")
    return list(Webhook.objects.filter(tenant_id=tenant).defer(*SEALED).prefetch_related(recent).order_by("id"))


def find_webhook(tenant: UUID, name: str | UUID) -> Webhook:
    """
    Raises:
        NotFound: also for another tenant's.
    """
    found = Webhook.objects.filter(tenant_id=tenant, id=_id(name, "webhook")).defer(*SEALED).first()
    if found is None:
        raise NotFound("webhook")
    return found


def deliveries_of(tenant: UUID, webhook: UUID, limit: int, offset: int = 0) -> list[Delivery]:
    """The newest first."""
    rows = Delivery.objects.filter(tenant_id=tenant, webhook_id=webhook).order_by("-id")
    return list(rows[offset : offset + limit])


def find_delivery(tenant: UUID, webhook: str | UUID, name: str | UUID) -> Delivery:
    """
    Raises:
        NotFound: also for another webhook's.
    """
    found = (
        Delivery.objects.filter(tenant_id=tenant, webhook_id=_id(webhook, "webhook"), id=_id(name, "delivery"))
        .select_related("webhook")
        .defer("webhook__sealed", "webhook__old_sealed")
        .first()
    )
    if found is None:
        raise NotFound("delivery")
    return found


def _id(name: str | UUID, what: str) -> UUID:
    try:
        return name if isinstance(name, UUID) else UUID(name)
    except ValueError:
        raise NotFound(what) from None
