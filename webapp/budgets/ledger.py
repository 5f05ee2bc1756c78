"""Reads the ledger: holds, line by line, by what one looks for, in pages that lose no line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from webapp.budgets.models import Hold, HoldState
from webapp.budgets.window import read_time
from webapp.common.errors import Invalid

TEXT_CHARS = 200  # of what is looked for


@dataclass(frozen=True)
class LedgerPlace:
    """A line of the ledger, for going on behind it; as text for addresses. Two calls may begin at the same moment."""

    at: datetime
    task: UUID
    step: int
    fence: int
    call: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.task}~{self.step}~{self.fence}~{self.call}"

    @classmethod
    def of(cls, hold: Hold) -> LedgerPlace:
        return cls(hold.created_at, hold.task_id, hold.step, hold.fence, hold.call)

    @classmethod
    def read(cls, text: str) -> LedgerPlace | None:
        """None for what isn't one."""
        found = re.fullmatch(r"([0-9T:.+-]{1,40})~([0-9a-f-]{36})~([0-9]{1,9})~([0-9]{1,9})~([0-9]{1,4})", text)
        try:
            place = (
                cls(datetime.fromisoformat(found[1]), UUID(found[2]), int(found[3]), int(found[4]), int(found[5]))
                if found
                else None
            )
        except ValueError:
            return None
        return place if place and place.at.tzinfo else None


@dataclass(frozen=True)
class Sought:
    """Which lines: all that stands here must hold; empty is any. `model` is a name, or provider/model."""

    task: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    agent: str = ""
    model: str = ""
    state: str = ""

    @property
    def lines(self) -> Q:
        found = Q(task_id=self.task) if self.task else Q()
        found &= Q(created_at__gte=self.since) if self.since else Q()
        found &= Q(created_at__lt=self.until) if self.until else Q()
        found &= Q(agent=self.agent) if self.agent else Q()
        found &= Q(state=self.state) if self.state else Q()
        return found & _model(self.model) if self.model else found


def _model(name: str) -> Q:
    """A model's own name may have a slash in it."""
    provider, slash, rest = name.partition("/")
    return Q(model=name) | Q(provider=provider, model=rest) if slash else Q(model=name)


def read_sought(asked: Mapping[str, str]) -> Sought:
    """
    From an address, by the names `task_id`, `since`, `until`, `agent`, `model` and `state`.

    Raises:
        Invalid: the first that can't be.
    """
    for name in ("agent", "model"):
        if len(asked.get(name, "")) > TEXT_CHARS or "\0" in asked.get(name, ""):
            raise Invalid(field=name, message=f"must be a text of at most {TEXT_CHARS} characters")
    state = asked.get("state", "")
    if state and state not in HoldState.values:
        raise Invalid(field="state", message=f"must be one of {', '.join(HoldState.values)}")
    return Sought(
        task=_task(asked.get("task_id", "")),
        since=read_time("since", asked.get("since", "")),
        until=read_time("until", asked.get("until", "")),
        agent=asked.get("agent", "").strip(),
        model=asked.get("model", "").strip(),
        state=state,
    )


def _task(text: str) -> UUID | None:
    try:
        return UUID(text.strip()) if text.strip() else None
    except ValueError:
        raise Invalid(field="task_id", message="must be the id of a task") from None


def ledger(tenant: UUID, sought: Sought, behind: LedgerPlace | None, limit: int) -> list[Hold]:
    """The newest first, each with the beginning of its task's question as `asked`."""
    rows = _holds(tenant).filter(sought.lines)
    if behind:
        at_once = Q(created_at=behind.at, pk__lt=(behind.task, behind.step, behind.fence, behind.call))
        rows = rows.filter(Q(created_at__lte=behind.at) & (Q(created_at__lt=behind.at) | at_once))
    return list(rows.order_by("-created_at", "-task_id", "-step", "-fence", "-call")[:limit])


def open_holds(tenant: UUID, limit: int = 50) -> list[Hold]:
    """The oldest first: an old one belongs to a call that takes long."""
    return list(_holds(tenant).filter(state=HoldState.OPEN).order_by("created_at")[:limit])


def _holds(tenant: UUID) -> QuerySet[Hold]:
    """Of calls: the call 0 of an attempt is none."""
    return Hold.objects.filter(tenant_id=tenant, call__gt=0).annotate(asked=Left("task__query", 80))
