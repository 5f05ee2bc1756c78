"""A span of time that figures are summed over. Pure: the instant is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from webapp.common.errors import Invalid

LONGEST = timedelta(days=400)
USUAL = timedelta(days=30)
EXAMPLE = "2026-11-01 or 2026-11-01T08:00:00Z"


@dataclass(frozen=True)
class Window:
    """From `since` on, up to and without `until`."""

    since: datetime
    until: datetime

    @property
    def began_in(self) -> Q:
        return Q(created_at__gte=self.since, created_at__lt=self.until)


def last(length: timedelta, now: datetime) -> Window:
    return Window(now - length, now + timedelta(seconds=1))  # the database's clock may be a little ahead


def read_window(since: str, until: str, now: datetime) -> Window:
    """
    The last 30 days, unless told otherwise.

    Raises:
        Invalid: what is no time, ends before it begins, or is longer than 400 days.
    """
    end = read_time("until", until) or now + timedelta(seconds=1)
    begin = read_time("since", since) or end - USUAL
    if not timedelta(0) < end - begin <= LONGEST:
        raise Invalid(field="since", message=f"must be before until, by at most {LONGEST.days} days")
    return Window(begin, end)


def read_time(field: str, text: str) -> datetime | None:
    """
    A date, which is its midnight in UTC, or a time with its zone; None for nothing.

    Raises:
        Invalid
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text if len(text) < 40 else "too long")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid(field=field, message=f"must be a date or a time with its zone, e.g. {EXAMPLE}") from None
