"""Budgets: the limits (envelopes) and the ledger of what was held and spent. Only the engine's SQL changes them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import Combinable

from webapp.common.tables import EngineModel, TenantModel, now, uuid7


class Level(models.TextChoices):
    TENANT = "tenant"
    USER = "user"
    SESSION = "session"
    TASK = "task"
    AGENT = "agent"


class Period(models.TextChoices):
    """After which a budget begins anew; days and months are UTC's."""

    TOTAL = "total"
    DAY = "day"
    MONTH = "month"


def money() -> models.DecimalField:  # type: ignore[type-arg]
    return models.DecimalField(max_digits=18, decimal_places=10, default=0, db_default=0)


def duration() -> models.DecimalField:  # type: ignore[type-arg]
    return models.DecimalField(max_digits=18, decimal_places=3, default=0, db_default=0)


def count() -> models.BigIntegerField:  # type: ignore[type-arg]
    return models.BigIntegerField(default=0, db_default=0)


def limit() -> models.BigIntegerField:  # type: ignore[type-arg]
    return models.BigIntegerField(null=True, blank=True)


UNITS = {
    "tokens": "tokens",
    "usd": "USD",
    "seconds": "seconds of calls",
    "fuel": "units of fuel",
    "tool_calls": "tool calls",
    "steps": "added steps",
}
NEVER_OVERRUN = ("tool_calls", "steps")  # what they cost is known beforehand
NEVER_HELD = ("steps",)


def within_limit(unit: str) -> models.CheckConstraint:
    booked: Combinable = F(f"{unit}_spent")
    never_negative = Q(**{f"{unit}_spent__gte": 0})
    if unit not in NEVER_HELD:
        booked += F(f"{unit}_held")
        never_negative &= Q(**{f"{unit}_held__gte": 0})
    if unit not in NEVER_OVERRUN:
        booked -= F(f"{unit}_overrun")
    return models.CheckConstraint(
        name=f"{unit}_within_limit",
        violation_error_message=f"The limit in {UNITS[unit]} is below what is already spent or held.",
        condition=never_negative & (Q(**{f"{unit}_limit__isnull": True}) | Q(**{f"{unit}_limit__gte": booked})),
    )


class Envelope(TenantModel):
    """
    What one tenant, user, session, task or agent may spend in a period; a limit of null is no limit.

    Seconds are those that calls took, added up also where they ran side by side. An agent's budget is its share of its
    task's: `owner_id` is the task, `name` the agent.

    `overrun` is what providers billed beyond a hold: it is shown, and lets an honest balance pass the
    constraint, which is the backstop behind the conditional update.

    Attributes:
        window_start: of a day's or month's budget: from when on calls that are settled count. The engine begins the next
            window with the next call, so it may be that of a day gone by: see `units.balance`.
        alert_percent: of a limit, from which its owner is told once.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    tenant = models.ForeignKey(  # the index of `one_budget_per_owner` begins with it; for the rest see EngineModel
        "tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    level = models.CharField(max_length=10, choices=Level.choices)
    owner_id = models.UUIDField(help_text="The tenant, user, session or task.")
    name = models.CharField(
        max_length=60, blank=True, default="", db_default="", help_text="The agent's, at its level."
    )
    period = models.CharField(max_length=10, choices=Period.choices, default=Period.TOTAL, db_default=Period.TOTAL)
    window_start = models.DateTimeField(null=True)
    alert_percent = models.SmallIntegerField(
        default=80, db_default=80, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    tokens_limit = limit()
    tokens_spent = count()
    tokens_held = count()
    tokens_overrun = count()
    usd_limit = models.DecimalField(max_digits=18, decimal_places=10, null=True, blank=True)
    usd_spent = money()
    usd_held = money()
    usd_overrun = money()
    seconds_limit = models.DecimalField(max_digits=18, decimal_places=3, null=True, blank=True)
    seconds_spent = duration()
    seconds_held = duration()
    seconds_overrun = duration()
    fuel_limit = limit()
    fuel_spent = count()
    fuel_held = count()
    fuel_overrun = count()
    tool_calls_limit = limit()
    tool_calls_spent = count()
    tool_calls_held = count()
    steps_limit = limit()
    steps_spent = count()
    created_at = models.DateTimeField(db_default=now())

    def __str__(self) -> str:
        return f"{self.level} {self.owner_id}"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "level", "owner_id", "name", "period"], name="one_budget_per_owner"
            ),
            *(within_limit(unit) for unit in UNITS),
            models.CheckConstraint(
                name="window_of_period", condition=Q(period="total") | Q(window_start__isnull=False)
            ),
        ]


class HoldState(models.TextChoices):
    """open -> settled (what it cost) | released (nothing was sent)."""

    OPEN = "open"
    SETTLED = "settled"
    RELEASED = "released"


class Hold(EngineModel):
    """
    One call of one attempt, of a model or a tool: reserved at its worst case, then settled at what it cost. This is the
    ledger. The call 0 of an attempt is no call: it says how many steps the attempt has added.

    Attributes:
        call: the how-manieth of its attempt; beyond the first, another model was asked after, or beside (`hedge`), it.
        envelopes: that it was held from, and that it is settled from.
        provider: "" for a tool, whose name is then the `model`.
        tier: what the model was asked for as.
        worst_case: the true cost never became known (the worker died after sending).
        error: the code of what went wrong with the call, "" for nothing.
    """

    pk = models.CompositePrimaryKey("task_id", "step", "fence", "call")
    step = models.IntegerField()
    fence = models.IntegerField()
    call = models.SmallIntegerField(default=1)
    agent = models.CharField(max_length=60, blank=True)
    purpose = models.CharField(max_length=20)
    provider = models.CharField(max_length=60)
    model = models.CharField(max_length=120)
    tier = models.CharField(max_length=20, blank=True, default="")
    hedge = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=HoldState.choices, default=HoldState.OPEN)
    held_tokens = models.BigIntegerField()
    held_usd = money()
    prompt_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    usd = money()
    envelopes = ArrayField(models.UUIDField(), default=list, db_default=[])
    held_seconds = duration()
    seconds = duration()
    held_fuel = count()
    fuel = count()
    held_tool_calls = models.SmallIntegerField(default=0, db_default=0)
    tool_calls = models.SmallIntegerField(default=0, db_default=0)
    steps = models.IntegerField(default=0, db_default=0)
    worst_case = models.BooleanField(default=False)
    error = models.CharField(max_length=60, blank=True, default="")
    created_at = models.DateTimeField(db_default=now())
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], name="hold_open", condition=Q(state="open")),
            models.Index(fields=["tenant", "created_at"]),
        ]


class Cause(models.TextChoices):
    """Why a call cost less than it would have, or nothing."""

    EXACT = "exact", "the same call was answered before"
    SEMANTIC = "semantic", "an alike question was answered before"
    SINGLE_FLIGHT = "single_flight", "the same call was under way"
    PROVIDER_CACHE = "provider_cache", "the provider had the beginning of the prompt"
    CONTEXT = "context", "a summary stood for old messages"


class Saving(EngineModel):
    """What a done step did not have to pay for: written with its completion, once. `usd` may be negative: a provider
    bills more for what goes into its cache than for what is only read."""

    id = models.BigAutoField(primary_key=True)
    step = models.IntegerField()
    agent = models.CharField(max_length=60, blank=True)
    cause = models.CharField(max_length=20, choices=Cause.choices)
    provider = models.CharField(max_length=60)
    model = models.CharField(max_length=120)
    tokens = models.BigIntegerField()
    usd = money()
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        indexes = [models.Index(fields=["task"]), models.Index(fields=["tenant", "created_at"])]


class Alert(TenantModel):
    """
    An envelope's booked amount has reached a share of its limit. Written by the engine, in the commit that crossed it.

    At most one for each share, window and limit of an envelope: a raised limit can be reached anew. Its tenant and
    envelope are those the engine holds locked, so the database need not look them up again.

    Attributes:
        name: of the agent, "" at the other levels.
        window_start: of the period the limit is for; None without one.
        unit: tokens, usd, seconds, fuel, tool_calls or steps; `limit_value` and `used_value` are counted in it.
        percent: 80 or 100; the share of the limit that was reached.
        used_value: spent and held, at that moment.
        task_id: whose step crossed it; may be gone.
    """

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    envelope = models.ForeignKey(Envelope, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    level = models.CharField(max_length=10)
    owner_id = models.UUIDField()
    name = models.CharField(max_length=60, blank=True, default="")
    period = models.CharField(max_length=10, blank=True, default="")
    window_start = models.DateTimeField(null=True)
    unit = models.CharField(max_length=12)
    percent = models.SmallIntegerField()
    limit_value = models.DecimalField(max_digits=28, decimal_places=10)
    used_value = models.DecimalField(max_digits=28, decimal_places=10)
    task_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=now())
    seen_at = models.DateTimeField(null=True)
    seen_by = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["envelope", "unit", "percent", "window_start", "limit_value"],
                name="one_alert_per_crossing",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="alert_by_tenant"),
            models.Index(fields=["tenant"], name="alert_unseen", condition=Q(seen_at=None)),
        ]


class LedgerEntry(models.Model):
    """The ledger to look at: a view over holds with a key of one column, under the same row-level security."""

    tenant_column: ClassVar[str] = "tenant_id"
    id = models.CharField(primary_key=True, max_length=60, help_text="task/step/attempt/call")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DO_NOTHING, related_name="+")
    task_id = models.UUIDField()
    step = models.IntegerField()
    attempt = models.IntegerField()
    call = models.IntegerField()
    agent = models.CharField(max_length=60)
    purpose = models.CharField(max_length=20)
    provider = models.CharField(max_length=60)
    model = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=HoldState.choices)
    held_tokens = models.BigIntegerField()
    held_usd = money()
    prompt_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    usd = money()
    worst_case = models.BooleanField(help_text="The true cost never became known.")
    error = models.CharField(max_length=60)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "budgets_ledger"
        verbose_name_plural = "ledger"

    def __str__(self) -> str:
        return self.id
