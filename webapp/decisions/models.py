"""Policy decisions: every answer of the policy engine, with what it was asked."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from webapp.common.tables import EngineModel, TenantModel, now, uuid7


class Effect(models.TextChoices):
    ALLOW = "allow"
    DENY = "deny"
    NEEDS_APPROVAL = "needs_approval"


class PolicyDecision(EngineModel):
    """`input_sha256` binds the answer to exactly what was decided on; `input` lets a draft be run against it."""

    id = models.BigAutoField(primary_key=True)
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


class Mode(models.TextChoices):
    """off: not asked; dry_run: asked and told, without effect; enforce."""

    OFF = "off"
    DRY_RUN = "dry_run"
    ENFORCE = "enforce"


class PolicyModule(TenantModel):
    """A tenant's own policy. `active` is the number of the version in force."""

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    name = models.SlugField(max_length=60)
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.ENFORCE)
    active = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_policy_module_per_name")]

    def __str__(self) -> str:
        return self.name


class PolicyVersion(TenantModel):
    """What a module said; never changed, and kept when another is in force."""

    id = models.BigAutoField(primary_key=True)
    module = models.ForeignKey(PolicyModule, on_delete=models.CASCADE, related_name="versions")
    number = models.IntegerField()
    source = models.TextField()
    note = models.CharField(max_length=200, blank=True)
    author_email = models.EmailField()
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["module", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"{self.module_id} version {self.number}"


class FreezeKind(models.TextChoices):
    TENANT = "tenant", "all work of the tenant"
    AGENT = "agent", "all work of one agent"
    TOOL = "tool", "calls of one tool"
    MODEL = "model", "calls of one model"


class Freeze(TenantModel):
    """A switch that keeps work from starting until it is thawed. `subject` is the agent, the tool, or provider/model."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=10, choices=FreezeKind.choices)
    subject = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=300)
    frozen_by = models.EmailField()
    created_at = models.DateTimeField(db_default=now())
    thawed_at = models.DateTimeField(null=True, blank=True)
    thawed_by = models.EmailField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["tenant"], name="freeze_in_force", condition=models.Q(thawed_at=None))]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".strip()
