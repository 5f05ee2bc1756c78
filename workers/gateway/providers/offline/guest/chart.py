"""What the SVG charts share: frame, labels, colours. Every text in a chart goes through `clean`."""

from __future__ import annotations

import html

COLOURS = ["#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#0891b2", "#65a30d", "#dc2626"]


def clean(text: str, limit: int) -> str:
    shown = "".join(ch if ch.isprintable() else " " for ch in text)
    return html.escape(shown if len(shown) <= limit else shown[: limit - 1] + "…")


def short(value: float) -> str:
    if value and not 0.01 <= abs(value) < 1e12:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.2f}"


def label(x: float, y: float, text: str, anchor: str = "start", size: int = 12, limit: int = 26) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f"<text {place}>{clean(text, limit)}</text>"


def drawing(title: str, height: int, parts: list[str]) -> str:
    """640 wide, white behind, the title on top and for screen readers."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" width="640" height="{height}" '
        f'role="img" font-family="sans-serif" fill="#1f2937"><title>{clean(title, 80)}</title>'
        f'<rect width="640" height="{height}" fill="#ffffff"/>'
    )
    return "\n".join([head, label(16, 26, title, size=16, limit=64), *parts, "</svg>"])
