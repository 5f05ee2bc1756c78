"""Tasks and their steps: the DAG as rows. The engine's SQL (webapp/orchestration/sql) moves their states."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from webapp.common.tables import TenantModel, now, uuid7


class Mode(models.TextChoices):
    SIMPLE = "simple"
    STANDARD = "standard"
    COMPLEX = "complex"
    SUPERVISOR = "supervisor"


class TaskState(models.TextChoices):
    """running -> completed | failed | cancelled | timeout; the last four are final."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"


class StepState(models.TextChoices):
    """waiting -> ready -> running -> done | failed; running -> ready again; any open one -> cancelled."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Join(models.TextChoices):
    """When a step may start: all parents done, or all parents at an end, failed ones included."""

    ALL = "all"
    SETTLED = "settled"


class Task(TenantModel):
    """
    A unit of work asked for in a session.

    `seq` numbers its events without gaps, `steps` its steps, `open` counts the unfinished ones: all three
    change only under this row's lock. `envelopes` are the budgets it spends from, in the order of their ids.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="+")
    session = models.ForeignKey("agent_sessions.Session", on_delete=models.CASCADE, related_name="tasks")
    query = models.TextField()
    mode = models.CharField(max_length=12, choices=Mode.choices)
    complexity = models.FloatField()
    state = models.CharField(max_length=12, choices=TaskState.choices, default=TaskState.RUNNING)
    context = models.JSONField(default=dict)
    attachments = models.JSONField(default=list)
    principal = models.JSONField(default=dict)
    envelopes = ArrayField(models.UUIDField(), default=list)
    seq = models.IntegerField(default=0)
    steps = models.IntegerField(default=0)
    open = models.IntegerField(default=0)
    result = models.TextField(null=True)
    artifacts = models.JSONField(default=list)
    error = models.JSONField(null=True)
    prompt_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=18, decimal_places=10, default=0)
    cancel_reason = models.TextField(blank=True)
    cancelled_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=now())
    updated_at = models.DateTimeField(db_default=now())
    finished_at = models.DateTimeField(null=True)
    idempotency = models.CharField(max_length=64, null=True, help_text="Hash of the key that it was submitted with.")

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "user", "-id"]),
            models.Index(fields=["session", "id"]),
        ]
        constraints = [models.UniqueConstraint(fields=["user", "idempotency"], name="one_task_per_idempotency_key")]


class Step(TenantModel):
    """
    One node of a task's DAG.

    `fence` counts its claims: only the holder of the newest may complete it. `due` is when the sweep must
    look: a hint is overdue (ready), a lease ends (running), a retry or timer is up.
    """

    pk = models.CompositePrimaryKey("task_id", "n")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="+")
    n = models.IntegerField()
    kind = models.CharField(max_length=40)
    queue = models.CharField(max_length=20)
    agent = models.CharField(max_length=60, blank=True)
    description = models.TextField(blank=True)
    input = models.JSONField(default=dict)
    parents = ArrayField(models.IntegerField(), default=list)
    waits = models.IntegerField()
    join = models.CharField(max_length=10, choices=Join.choices, default=Join.ALL)
    is_final = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=StepState.choices)
    fence = models.IntegerField(default=0)
    retries = models.IntegerField(default=0)
    hints = models.IntegerField(default=0)
    worker = models.CharField(max_length=120, null=True)
    due = models.DateTimeField(null=True)
    output = models.JSONField(null=True)
    error = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["due"], name="step_due", condition=models.Q(due__isnull=False))]


class Content(TenantModel):
    """Bytes by their hash: attachments and what tools made. Written once, never changed."""

    id = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=200)
    data = models.BinaryField()
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "sha256"], name="one_content_per_hash")]
