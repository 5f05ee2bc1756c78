"""Sessions: one conversation or piece of work, with its own budget."""

from __future__ import annotations

from django.db import models

from webapp.common.tables import TenantModel, now, uuid7


class Session(TenantModel):
    """`external_id` is the name that a client chose; two users may choose the same."""

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(
        "tenants.User", on_delete=models.CASCADE, related_name="+", db_index=False
    )  # no index of their own: those below begin with each of them
    external_id = models.CharField(max_length=128, null=True)
    title = models.CharField(max_length=60, blank=True)
    context = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=now())
    updated_at = models.DateTimeField(db_default=now())
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "user", "-created_at"])]
        constraints = [
            models.UniqueConstraint(fields=["user", "external_id"], name="one_session_per_external_id"),
        ]
