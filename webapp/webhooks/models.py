"""Webhooks of a tenant, and what was or will be delivered to them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from webapp.common.tables import TenantModel, now, uuid7

TEST = "webhook.test"  # sent when somebody asks for it, whatever a webhook listens to
ERROR_CHARS = 200


class Kind(models.TextChoices):
    """What a webhook may listen to."""

    BUDGET_ALERT = "budget.alert", "a budget has reached a share of its limit"


class Webhook(TenantModel):
    """
    An address of the tenant's that is told of events.

    Attributes:
        sealed: the secret that signs (webapp.webhooks.secrets); written, used, and shown once.
        old_sealed: the one before, which signs as well until `old_until`.
        last_status: HTTP status of the last try, None if none came.
        failures: tries in a row that failed.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    url = models.CharField(max_length=2000)
    sealed = models.BinaryField()
    old_sealed = models.BinaryField(null=True)
    old_until = models.DateTimeField(null=True)
    kinds = ArrayField(models.CharField(max_length=40, choices=Kind.choices))
    is_active = models.BooleanField(default=True)
    created_by = models.EmailField()
    created_at = models.DateTimeField(db_default=now())
    last_status = models.SmallIntegerField(null=True)
    last_error = models.CharField(max_length=ERROR_CHARS, blank=True, default="")
    last_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    """waiting -> delivered | given_up; given_up -> waiting when somebody has it tried again."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Delivery(TenantModel):
    """
    One event for one webhook, sent until it is taken or given up. Its id is what the receiver tells repetitions by.

    Attributes:
        event: what it tells of, once for each webhook.
        attempts: tries begun.
        next_at: when the next try is due.
        claimed_until: a worker is at it; if that worker is lost, another one tries after this time. It is the claim's
            fence as well: what came of a try is recorded only while its own stands here.
        status: HTTP status of the last try, None if none came.
        error: of the last try, in our words.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=60)
    kind = models.CharField(max_length=40)
    body = models.JSONField()
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.SmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=now())
    claimed_until = models.DateTimeField(null=True)
    status = models.SmallIntegerField(null=True)
    error = models.CharField(max_length=ERROR_CHARS, blank=True, default="")
    created_at = models.DateTimeField(db_default=now())
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["webhook", "event"], name="one_delivery_per_event")]
        indexes = [
            models.Index(fields=["webhook", "next_at"], name="delivery_waiting", condition=Q(state="waiting")),
            models.Index(fields=["created_at"], name="delivery_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
