"""Reads envelopes: one, all of a level, those nearest to their limits. Each comes with its owner in words."""

from __future__ import annotations

from uuid import UUID

from django.db.models import (
    Case,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Greatest, Left, NullIf
from django.utils import timezone

from webapp.agent_sessions.models import Session
from webapp.agent_tasks.models import Task
from webapp.budgets.models import NEVER_HELD, NEVER_OVERRUN, Envelope, Level, Period
from webapp.budgets.units import UNITS, Unit, window_began
from webapp.common.errors import NotFound
from webapp.tenants.models import Tenant, User

NAME_CHARS = 80


def envelope_of(tenant: UUID, owner: UUID, *, period: str = Period.TOTAL, agent: str = "") -> Envelope | None:
    """An agent's has its task as the owner."""
    return Envelope.objects.filter(tenant_id=tenant, owner_id=owner, period=period, name=agent).first()


def find_envelope(tenant: UUID, name: str) -> Envelope:
    """
    With its owner in words as `owner_name`.

    Raises:
        NotFound: also for another's, and for what is no id.
    """
    try:
        found = _named(Envelope.objects.filter(tenant_id=tenant, id=UUID(name))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound("budget")
    return found


def by_id(tenant: UUID, ids: list[UUID]) -> dict[UUID, Envelope]:
    """Those of these that there are."""
    rows = _named(Envelope.objects.filter(tenant_id=tenant, id__in=ids)) if ids else []
    return {envelope.id: envelope for envelope in rows}


def envelopes(
    tenant: UUID, *, level: str | None, owner: UUID | None, period: str | None, below: UUID | None, limit: int
) -> list[Envelope]:
    """The newest first, those older than `below`."""
    rows = Envelope.objects.filter(tenant_id=tenant)
    rows = rows.filter(period=period) if period else rows
    rows = rows.filter(level=level) if level else rows
    rows = rows.filter(owner_id=owner) if owner else rows
    rows = rows.filter(id__lt=below) if below else rows
    return list(_named(rows).order_by("-id")[:limit])


def fullest(tenant: UUID, level: str | None, limit: int = 30) -> list[Envelope]:
    """Those nearest to a limit first, then the newest."""
    rows = Envelope.objects.filter(tenant_id=tenant).annotate(full=_fullness())
    rows = rows.filter(level=level) if level else rows
    return list(_named(rows).order_by(F("full").desc(), "-id")[:limit])


def near_their_limits(tenant: UUID, limit: int = 10) -> list[Envelope]:
    """Those that will soon refuse a call, the fullest first: from the share on of which their owners are told. Of tasks
    only the open ones, as the others ask no more; not those of agents, whose shares are made to be used up."""
    rows = Envelope.objects.filter(tenant_id=tenant).annotate(full=_fullness())
    open_tasks = Task.objects.filter(tenant_id=tenant, finished_at=None).values("id")
    asking = ~Q(level__in=(Level.TASK, Level.AGENT)) | Q(level=Level.TASK, owner_id__in=open_tasks)
    near = rows.filter(asking, full__gte=F("alert_percent") / 100.0)
    return list(_named(near).order_by(F("full").desc(), "-id")[:limit])


def _fullness() -> Greatest:
    return Greatest(*(_full_in(unit) for unit in UNITS), Value(0.0))


def _full_in(unit: Unit) -> Case:
    """Null without a limit, which Greatest passes over; 1 for a limit of nothing. See `units.balance`."""
    held = F(f"{unit.name}_held") if unit.name not in NEVER_HELD else Value(0)
    overrun = F(f"{unit.name}_overrun") if unit.name not in NEVER_OVERRUN else Value(0)
    limit = NullIf(F(f"{unit.name}_limit"), Value(0))
    return Case(
        When(**{f"{unit.name}_limit": 0}, then=Value(1.0)),
        When(_window_is_over(), then=held * 1.0 / limit),
        default=(F(f"{unit.name}_spent") + held - overrun) * 1.0 / limit,
        output_field=FloatField(),
    )


def _window_is_over() -> Q:
    now = timezone.now()
    return Q(
        *(Q(period=period, window_start__lt=window_began(period, now)) for period in (Period.DAY, Period.MONTH)),
        _connector=Q.OR,
    )


def _named(rows: QuerySet[Envelope]) -> QuerySet[Envelope]:
    return rows.annotate(owner_name=owner_name())


def owner_name() -> Coalesce:
    """Ids are the same in no two tables, so at most one of these finds something."""
    words = ((Tenant, "name"), (User, "email"), (Session, "title"), (Task, "query"))
    found = [
        model.objects.filter(id=OuterRef("owner_id")).values(words=Left(field, NAME_CHARS)) for model, field in words
    ]
    named = (NullIf(Subquery(owner, output_field=TextField()), Value("")) for owner in found)
    return Coalesce(*named, Cast("owner_id", TextField()), output_field=TextField())
