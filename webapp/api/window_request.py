"""Reads what a request says about the window of its conversation, see docs/conversations.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from webapp.agent_sessions.window import LEAST, MOST, NAMES, Window
from webapp.common.values import JSON

WINDOW: JSON = {  # as OpenAPI tells it
    "history_window_size": {"type": "integer", "minimum": LEAST, "maximum": MOST, "default": 50},
    "use_case_preset": {"type": "string"},
    "primers_count": {"type": "integer", "minimum": 0, "default": 3},
    "recents_count": {"type": "integer", "minimum": 1, "default": 20},
    "compression_trigger_ratio": {"type": "number", "minimum": 0.2, "maximum": 1, "default": 0.75},
    "compression_target_ratio": {"type": "number", "minimum": 0.1, "maximum": 0.8, "default": 0.375},
}


def read_window(given: Mapping[str, Any], within: str = "") -> JSON | None:
    """
    What is given of it, checked; None when it names none of the window's fields.

    Raises:
        Invalid
    """
    named = {name: given[name] for name in NAMES if given.get(name) is not None}
    if not named:
        return None
    Window.of(named, tokens=settings.HISTORY_TOKENS, within=within)
    return named
