"""Tasks and their steps: the DAG as rows. The engine's SQL (webapp/orchestration/sql) moves their states."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.fields.json import KeyTextTransform

from webapp.common.tables import EngineModel, TenantModel, now, uuid7


class Mode(models.TextChoices):
    SIMPLE = "simple"
    STANDARD = "standard"
    COMPLEX = "complex"
    SUPERVISOR = "supervisor"


class TaskState(models.TextChoices):
    """queued -> running <-> paused; any of them -> completed | failed | cancelled | timeout. See rules.py."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
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
    """
    When a step may start: all parents done; one; `quorum` of them; all at an end and one done; all at an end.

    A step whose join can no longer be met is skipped, and so are those that need it.
    """

    ALL = "all"
    ANY = "any"
    QUORUM = "quorum"
    PARTIAL = "partial"
    SETTLED = "settled"


class Priority(models.IntegerChoices):
    """Which of a tenant's queued tasks is admitted first."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


class Task(TenantModel):
    """
    A unit of work asked for in a session.

    `seq` numbers its events without gaps, `steps` its steps, `open` counts the unfinished ones: all three
    change only under this row's lock. `envelopes` are the budgets it spends from, in the order of their ids.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="+", db_index=False)
    session = models.ForeignKey(
        "agent_sessions.Session", on_delete=models.CASCADE, related_name="tasks", db_index=False
    )  # no index of their own: those below begin with each of them
    query = models.TextField()
    mode = models.CharField(max_length=12, choices=Mode.choices)
    complexity = models.FloatField()
    state = models.CharField(max_length=12, choices=TaskState.choices, default=TaskState.QUEUED)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    context = models.JSONField(default=dict)
    attachments = models.JSONField(default=list)
    principal = models.JSONField(default=dict)
    envelopes = ArrayField(models.UUIDField(), default=list)
    agent_tokens = models.BigIntegerField(null=True, help_text="That one of its agents may spend at most.")
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
    paused_at = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=200, blank=True)
    pause_reason = models.TextField(blank=True)
    failure = models.JSONField(null=True, help_text="Why it fails, while its done steps are being undone.")
    admitted_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=now())
    updated_at = models.DateTimeField(db_default=now())
    finished_at = models.DateTimeField(null=True)
    idempotency = models.CharField(max_length=64, null=True, help_text="Hash of the key that it was submitted with.")
    conversation = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Key of what was said in its session before it."
    )
    in_conversation = models.BooleanField(
        null=True, help_text="Whether that of its session has its question and answer yet; None: it takes no part."
    )
    origin = models.JSONField(
        null=True, help_text="Of a fork or replay: `{kind, task, step, changed}` of the earlier run."
    )
    prompts = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="Versions of its tenant's own prompt templates, as they were in force then: `{name: version}`.",
    )

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "user", "-id"]),
            models.Index(fields=["session", "id"]),
            models.Index(fields=["tenant"], name="task_open", condition=models.Q(finished_at=None)),
            models.Index(fields=["tenant"], name="task_running", condition=models.Q(state="running")),
            models.Index(fields=["tenant"], name="task_queued", condition=models.Q(state="queued")),
            models.Index(fields=["deadline_at"], name="task_deadline", condition=models.Q(finished_at=None)),
            models.Index(
                fields=["tenant", "finished_at"], name="task_ended", condition=models.Q(finished_at__isnull=False)
            ),
            models.Index(
                KeyTextTransform("task", "origin"), name="task_origin", condition=models.Q(origin__isnull=False)
            ),
        ]
        constraints = [models.UniqueConstraint(fields=["user", "idempotency"], name="one_task_per_idempotency_key")]

    @property
    def is_open(self) -> bool:
        """Queued, running or paused."""
        return self.finished_at is None


class Step(EngineModel):
    """
    One node of a task's DAG.

    `fence` counts its claims: only the holder of the newest may complete it. `due` is when the sweep must
    look: a hint is overdue (ready), a lease ends (running), a retry or timer is up. One that waits for a freeze has
    the error `{"code": "step.frozen", "message", "freeze"}`, with the freeze's id.
    """

    pk = models.CompositePrimaryKey("task_id", "n")
    n = models.IntegerField()
    kind = models.CharField(max_length=40)
    queue = models.CharField(max_length=20)
    agent = models.CharField(max_length=60, blank=True)
    description = models.TextField(blank=True)
    input = models.JSONField(default=dict)
    parents = ArrayField(models.IntegerField(), default=list)
    waits = models.IntegerField(help_text="Parents that it still waits for.")
    met = models.IntegerField(default=0, help_text="Parents that have succeeded.")
    join = models.CharField(max_length=10, choices=Join.choices, default=Join.ALL)
    quorum = models.IntegerField(null=True)
    is_final = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=StepState.choices)
    fence = models.IntegerField(default=0)
    retries = models.IntegerField(default=0)
    losses = models.IntegerField(default=0, db_default=0, help_text="Attempts of it whose worker was lost.")
    hints = models.IntegerField(default=0)
    worker = models.CharField(max_length=120, null=True)
    due = models.DateTimeField(null=True)
    output = models.JSONField(null=True)
    error = models.JSONField(null=True)
    inner = models.JSONField(
        null=True, help_text="In which state it left its agent, and what that believes: `{state, beliefs}`."
    )
    created_at = models.DateTimeField(db_default=now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    delay_s = models.FloatField(default=0, help_text="How long it waits when it could start.")
    timeout_s = models.FloatField(null=True, help_text="How long one attempt may take.")
    tries = models.IntegerField(null=True, help_text="Attempts at most; without it, by the class of the error.")
    compensation = models.JSONField(null=True, help_text="The step that undoes it when the task fails.")
    compensates = models.IntegerField(null=True, help_text="The step that it undoes.")
    grown_by = models.IntegerField(null=True, help_text="The step that added it.")
    replaces = models.IntegerField(null=True, help_text="The step whose place it took.")
    record_of = models.IntegerField(null=True, help_text="Of a fork: the step of the earlier run that it stands for.")
    stopped_at = models.DateTimeField(
        null=True, help_text="When the last of it had stopped, of a cancelled step that ran."
    )

    @property
    def stays(self) -> bool:
        """It is open, and no worker has it."""
        return self.state in (StepState.WAITING, StepState.READY)

    @property
    def is_served(self) -> bool:
        """It never ran here: its result is the record of the run that this one was forked from."""
        return self.record_of is not None and self.fence == 0 and self.state in (StepState.DONE, StepState.FAILED)

    class Meta:
        indexes = [
            models.Index(fields=["queue", "due"], name="step_due_of_queue", condition=models.Q(due__isnull=False)),
            models.Index(fields=["tenant"], name="step_due_of_tenant", condition=models.Q(due__isnull=False)),
        ]


class Content(TenantModel):
    """Bytes by their hash: attachments and what tools made. Written once, never changed."""

    id = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=200)
    data = models.BinaryField()
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "sha256"], name="one_content_per_hash")]


class WorkerProcess(models.Model):
    """A worker, as it last said of itself: of the platform and of no tenant."""

    slot = models.CharField(max_length=120, primary_key=True, help_text="Its name, the same after a restart.")
    queues = ArrayField(models.CharField(max_length=20))
    slots = models.IntegerField(help_text="Steps that it may run at once.")
    running = models.IntegerField(help_text="Steps that it ran then.")
    seen_at = models.DateTimeField(db_default=now())
