"""Policy decisions: every answer of the policy engine, with what it was asked."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from webapp.common.tables import TenantModel, now


class Effect(models.TextChoices):
    ALLOW = "allow"
    DENY = "deny"
    NEEDS_APPROVAL = "needs_approval"


class PolicyDecision(TenantModel):
    """`input_sha256` binds the answer to exactly what was decided on; `input` lets a draft be run against it."""

    id = models.BigAutoField(primary_key=True)
    task = models.ForeignKey("agent_tasks.Task", on_delete=models.CASCADE, related_name="+")
    step = models.IntegerField()
    fence = models.IntegerField()
    point = models.CharField(max_length=20)
    subject = models.CharField(max_length=120)
    effect = models.CharField(max_length=15, choices=Effect.choices)
    rule = models.CharField(max_length=120)
    reasons = ArrayField(models.TextField(), default=list)
    revision = models.CharField(max_length=64)
    input_sha256 = models.CharField(max_length=64)
    input = models.JSONField()
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        indexes = [models.Index(fields=["task", "step"]), models.Index(fields=["tenant", "created_at"])]

    def __str__(self) -> str:
        return f"{self.effect} {self.subject} by {self.rule}"
