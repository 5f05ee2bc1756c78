"""What calls have cost, summed from the ledger: by day, person, agent, model, provider, session or purpose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db.models import CharField, Count, Expression, F, Q, QuerySet, Sum, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, TruncDate

from webapp.agent_sessions.models import Session
from webapp.budgets.models import Hold, HoldState, duration, money
from webapp.budgets.window import Window
from webapp.tenants.models import User

GROUPS: dict[str, Expression | F] = {
    "day": Cast(TruncDate("created_at"), TextField()),
    "user": Cast("task__user_id", TextField()),
    "agent": F("agent"),
    "model": Concat("provider", Value("/"), "model", output_field=CharField()),
    "provider": F("provider"),
    "session": Cast("task__session_id", TextField()),
    "purpose": F("purpose"),
}


@dataclass(frozen=True)
class Usage:
    """
    What a group's calls have cost. One that was given back unsent cost nothing and is not among them. Of tools only their
    number and time: they cost nothing.

    Attributes:
        key: the day, id or name that the group has in common; the same in words as `name`.
        calls: of models.
        seconds: that all calls took, added up also where they ran side by side.
        cached_tokens: of the prompt's, those that the provider had kept.
        worst_case_usd: of `usd`, what was booked as the true cost never became known.
        held_tokens, held_usd: reserved now, whatever the window.
    """

    key: str = ""
    name: str = ""
    calls: int = 0
    tool_calls: int = 0
    seconds: Decimal = Decimal(0)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    usd: Decimal = Decimal(0)
    worst_case_usd: Decimal = Decimal(0)
    held_tokens: int = 0
    held_usd: Decimal = Decimal(0)

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class UsagePlace:
    """A group, for going on behind it; as text for addresses."""

    usd: Decimal
    key: str

    def __str__(self) -> str:
        return f"{self.usd.normalize():f}~{self.key}"

    @classmethod
    def read(cls, text: str) -> UsagePlace | None:
        """None for what isn't one."""
        usd, tilde, key = text.partition("~")
        try:
            found = Decimal(usd if len(usd) < 40 else "")
        except InvalidOperation:
            return None
        return cls(found, key) if tilde and found.is_finite() and "\0" not in key else None


SUMMED = frozenset(each.name for each in fields(Usage)) - {"key", "name"}


def usage(tenant: UUID, by: str, window: Window, behind: UsagePlace | None = None, limit: int = 20) -> list[Usage]:
    """The dearest first; days from the newest on. What is held now is with its group, or makes one."""
    rows = _holds(tenant, window).annotate(key=GROUPS[by]).values("key").annotate(**_sums(window))
    rows = rows.filter(Q(calls__gt=0) | Q(tool_calls__gt=0) | Q(held_tokens__gt=0))
    if behind and by == "day":
        rows = rows.filter(key__lt=behind.key)
    elif behind:
        rows = rows.filter(Q(usd__lt=behind.usd) | Q(usd=behind.usd, key__gt=behind.key))
    found = list(rows.order_by(*(["-key"] if by == "day" else ["-usd", "key"]))[:limit])
    names = _names(tenant, by, [row["key"] for row in found])
    return [Usage(**row, name=names.get(row["key"]) or row["key"]) for row in found]


def total_usage(tenant: UUID, window: Window) -> Usage:
    return Usage(**_holds(tenant, window).aggregate(**_sums(window)))


def together(rows: Iterable[Usage]) -> Usage:
    """The sums over groups, for who has all of them at hand."""
    found = list(rows)
    return Usage(**{name: sum(getattr(row, name) for row in found) for name in SUMMED})


def _holds(tenant: UUID, window: Window) -> QuerySet[Hold]:
    return Hold.objects.filter(Q(state=HoldState.OPEN) | window.began_in, tenant_id=tenant)


def _sums(window: Window) -> dict[str, Any]:
    settled = window.began_in & Q(state=HoldState.SETTLED)

    def tokens(column: str, of: Q) -> Coalesce:
        return Coalesce(Sum(column, filter=of), 0)

    def usd(column: str, of: Q) -> Coalesce:
        return Coalesce(Sum(column, filter=of), Decimal(0), output_field=money())

    held = Q(state=HoldState.OPEN)
    return {
        "calls": Count("step", filter=settled & ~Q(provider="")),
        "seconds": Coalesce(Sum("seconds", filter=settled), Decimal(0), output_field=duration()),
        **{
            name: tokens(name, settled)
            for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "tool_calls")
        },
        "worst_case_usd": usd("usd", settled & Q(worst_case=True)),
        "held_tokens": tokens("held_tokens", held),
        "held_usd": usd("held_usd", held),
        "usd": usd("usd", settled),
    }


def _names(tenant: UUID, by: str, keys: list[str]) -> dict[str, str]:
    """What a person would call these groups, where that isn't the key itself."""
    if by == "user":
        people = User.objects.filter(tenant_id=tenant, id__in=keys)
        return {str(key): email for key, email in people.values_list("id", "email")}
    if by == "session":
        sessions = Session.objects.filter(tenant_id=tenant, id__in=keys)
        rows = sessions.values_list("id", "title", "external_id")
        return {str(key): title or external or "" for key, title, external in rows}
    if by == "model":  # a tool has no provider
        return {key: f"tool {key[1:]}" for key in keys if key.startswith("/")}
    nameless = {"agent": "outside of agents", "provider": "tools"}
    return {"": nameless[by]} if by in nameless else {}
