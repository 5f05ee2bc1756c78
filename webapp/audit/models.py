"""The audit trail: who changed what that governs the tenant. Written once: the application's role can't change it."""

from __future__ import annotations

from django.db import models

from webapp.common.tables import TenantModel, now


class AuditEntry(TenantModel):
    """`detail` has what changed, e.g. `{"role": ["user", "operator"]}`; secrets and passwords by name only."""

    id = models.BigAutoField(primary_key=True)
    actor = models.ForeignKey("tenants.User", null=True, on_delete=models.PROTECT, related_name="+")
    actor_email = models.EmailField(blank=True, help_text="As it was then.")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        verbose_name_plural = "audit trail"
        indexes = [models.Index(fields=["tenant", "-id"])]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
