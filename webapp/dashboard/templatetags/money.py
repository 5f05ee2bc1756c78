"""How amounts of budgets look: each in its unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone

from webapp.budgets.models import Envelope, Period
from webapp.budgets.units import Amount, Balance, Unit, balances, window_ends
from webapp.dashboard.templatetags.hartley import count, percent, span, usd

register = template.Library()
register.filter("balances", balances)
FORMATS: dict[str, Callable[[Any], str]] = {"count": lambda amount: count(round(amount)), "money": usd, "time": span}


@register.filter
def shown(envelope: Envelope) -> list[Balance]:
    return [balance for balance in balances(envelope) if balance.matters]


@register.filter
def window(envelope: Envelope) -> str:
    """The present one of a budget that begins anew."""
    return {Period.DAY: "today", Period.MONTH: "this month"}[Period(envelope.period)]


@register.filter
def window_end(envelope: Envelope) -> datetime | None:
    return window_ends(envelope.period, timezone.now())


@register.filter
def amount(value: Amount | float | None, unit: Unit) -> str:
    return "–" if value is None else FORMATS[unit.kind](value)


@register.filter
def typed(value: Amount | None) -> str:
    """As a person would type it into a form; nothing for no limit."""
    if value is None:
        return ""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


@register.filter
def get(given: Mapping[str, str], name: str) -> str:
    return given.get(name, "")


@register.filter
def signed(value: Decimal) -> str:
    """USD with its sign: what was lost stands with a minus."""
    return f"−{usd(-value)}" if value < 0 else usd(value)


@register.filter
def fullest(envelope: Envelope) -> Balance:
    """The unit of it that is nearest to its limit."""
    return max(balances(envelope), key=lambda balance: balance.fullness)


@register.filter
def used(balance: Balance) -> str:
    return percent(balance.fullness)
