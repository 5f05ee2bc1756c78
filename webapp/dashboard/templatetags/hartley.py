"""How values look on pages: times, spans, tokens, money, states, icons."""

from __future__ import annotations

import math
import re
from datetime import datetime
from decimal import Decimal

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp.orchestration.quoting import dollars

register = template.Library()
TONES = {
    "running": "run", "completed": "good", "done": "good", "failed": "bad", "timeout": "bad", "cancelled": "quiet",
    "ready": "wait", "waiting": "wait", "allow": "good", "deny": "bad", "needs_approval": "wait", "open": "run",
    "settled": "good", "released": "quiet", "paused": "wait", "active": "good", "expired": "quiet", "revoked": "quiet",
    "given_up": "wait", "delivered": "good", "queued": "wait", "checking": "run", "refused": "bad", "served": "quiet", "frozen": "wait",
    "ANALYZING": "run", "PLANNING": "run", "EXECUTING": "run", "COMPLETED": "good", "FAILED": "bad",
}  # fmt: skip
MARKER = re.compile(r"^\s*([-*+>]|\d+\.)\s+")
LINE_CHARS = 1000  # of a line that is shown as words; who writes it may be no friend, and EMPHASIS looks far ahead
EMPHASIS = re.compile(r"(\*{1,2}|`)(?=\S)(.+?)(?<=\S)\1")


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decoration: the words beside it carry the meaning."""
    source = static("hartley/icons.svg")
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', source, name)


@register.simple_tag
def badge(state: str) -> SafeString:
    return format_html('<span class="badge {}">{}</span>', TONES.get(state, "quiet"), state.replace("_", " "))


@register.simple_tag
def moment(at: datetime | None) -> SafeString:
    """`3 min ago`, with the exact time for machines and for the pointer."""
    if at is None:
        return SafeString("–")
    exact = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html('<time datetime="{}" title="{}">{} ago</time>', at.isoformat(), exact, span(age_s(at)))


@register.filter
def age_s(at: datetime | None) -> float:
    return max(0.0, (timezone.now() - at).total_seconds()) if at else 0.0


@register.filter
def span(seconds: float | None) -> str:
    """A length of time in its largest fitting unit."""
    if seconds is None:
        return "–"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


STOPPED_BY = {
    "turns": "it had called tools in as many turns as it may",
    "calls": "it had made as many tool calls as it may",
    "output": "its tools had brought as much text as they may",
    "failures": "its calls failed again and again",
    "prompt": "its conversation had become too long",
}


@register.filter
def stopped_by(limit: str) -> str:
    """Which limit of the agent loop it met, see docs/agent-loop.md."""
    return STOPPED_BY.get(limit, limit)


@register.filter
def took(row: object) -> str:
    """From the start of a task or step to its end, or to now."""
    began = getattr(row, "started_at", None) or getattr(row, "created_at", None)
    if began is None:
        return "–"
    return span(((getattr(row, "finished_at", None) or timezone.now()) - began).total_seconds())


@register.filter
def count(value: int | None) -> str:
    """12,345 in full up to five digits, then 1.2 M."""
    if value is None:
        return "–"
    for unit, size in (("G", 10**9), ("M", 10**6)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:,}"


@register.filter
def usd(value: Decimal | float | None) -> str:
    if value is None:
        return "–"
    return f"${value:,.2f}" if value == 0 or value >= 1 else f"${value:.4f}"


register.filter("dollars", dollars)


@register.filter
def rounded(value: float) -> int:
    return round(value)


@register.filter
def in_unit(value: Decimal, unit: str) -> str:
    """An amount of a budget with its unit."""
    if unit in ("usd", "seconds"):
        return usd(value) if unit == "usd" else span(float(value))
    return f"{count(int(value))} {unit.replace('_', ' ')}"


@register.filter
def share(part: float, whole: float) -> float:
    """Of a bar, 0 to 100."""
    return round(100 * float(part) / float(whole), 1) if whole else 0.0


@register.filter
def size(given_bytes: int) -> str:
    for unit, length in (("MB", 10**6), ("kB", 10**3)):
        if given_bytes >= length:
            return f"{given_bytes / length:.1f} {unit}"
    return f"{given_bytes} bytes"


@register.filter
def first_line(markdown: str) -> str:
    """The first line of text, as words: headings, pictures and tables say nothing by themselves."""
    lines = (EMPHASIS.sub(r"\2", MARKER.sub("", line[:LINE_CHARS])).strip() for line in markdown.splitlines())
    return next((line for line in lines if line and not line.startswith(("#", "!", "|", "---", "```"))), "")


@register.simple_tag
def bar(spent: float, held: float, limit: float) -> SafeString:
    """What is spent and held of a limit, as a picture; the words beside it say the same."""
    first, second = min(100.0, share(float(spent), float(limit))), share(float(held), float(limit))
    second = max(0.0, min(100.0 - first, second))
    tone = "bad" if first + second >= 90 else "wait" if first + second >= 75 else "good"
    return format_html(
        '<svg class="meter {}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="4"/><rect class="spent" width="{}" height="4"/>'
        '<rect class="held" x="{}" width="{}" height="4"/></svg>',
        tone, first, first, second,
    )  # fmt: skip


@register.simple_tag
def sureness(confidence: float, threshold: float) -> SafeString:
    """A confidence as a picture, with a line at the threshold; the words beside it say the same."""
    return format_html(
        '<svg class="meter sure" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="4"/><rect class="{}" width="{}" height="4"/>'
        '<rect class="mark" x="{}" width="1" height="4"/></svg>',
        "spent" if confidence >= threshold else "below", share(confidence, 1), min(99.0, share(threshold, 1)),
    )  # fmt: skip


@register.filter
def percent(part: float) -> str:
    """Rounded down, so that what is below a threshold never reads as if it had reached it."""
    return f"{math.floor(1000 * part + 1e-9) / 10:g} %"


@register.filter
def left_s(at: datetime) -> float:
    return max(0.0, (at - timezone.now()).total_seconds())


@register.filter
def until(at: datetime) -> str:
    return span(left_s(at))
