"""A bar chart of groups."""

from __future__ import annotations

from typing import Any

from workers.gateway.providers.offline.guest.chart import COLOURS, drawing, label, short
from workers.gateway.providers.offline.guest.summary import ratio

BARS_LIMIT = 20


def draw_groups(shown: dict[str, Any]) -> str:
    return bars(shown["title"], shown["pairs"])


def bars(title: str, pairs: list[tuple[str, float]]) -> str:
    """Horizontal bars from zero, in the order given; the first twenty."""
    shown = pairs[:BARS_LIMIT]
    low, high = min([0.0, *(v for _, v in shown)]), max([0.0, *(v for _, v in shown)])
    scale = ratio(340, high - low) or 0.0
    zero = 190 - low * scale
    parts = []
    for position, (name, value) in enumerate(shown):
        y = 44 + 28 * position
        left, width = min(zero, zero + value * scale), abs(value) * scale
        parts.append(label(180, y + 15, name, "end"))
        parts.append(f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="20" fill="{COLOURS[0]}"/>')
        parts.append(label(max(zero, left + width) + 6, y + 15, short(value)))
    return drawing(title, 60 + 28 * len(shown), parts)
