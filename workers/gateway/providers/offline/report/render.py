"""From a script's answer to a section, by its kind; and the kinds that say why there is none. Pure."""

from __future__ import annotations

from typing import Any

from workers.gateway.providers.offline.markdown import code, escape
from workers.gateway.providers.offline.report.groups import groups_section
from workers.gateway.providers.offline.report.profile import distinct_section, profile_section, text_section
from workers.gateway.providers.offline.report.section import Section
from workers.gateway.providers.offline.report.trend import relation_section, trend_section


def section(answer: dict[str, Any], ask: dict[str, Any]) -> Section:
    """Raises KeyError, TypeError, ValueError or IndexError when the answer is not of its kind's shape."""
    return KINDS[answer["kind"]](answer, ask)


def _unmatched(answer: dict[str, Any], ask: dict[str, Any]) -> Section:
    reason = "has no column of dates or years" if answer.get("lacks_time") else "has no column that these words name"
    names = ", ".join(code(name) for name in answer["columns"])
    return Section(f"{code(answer['file'])} {reason}, so this part is not answered. Its columns: {names}.")


def _unreadable(answer: dict[str, Any], ask: dict[str, Any]) -> Section:
    return Section(f"{code(answer['file'])} could not be read as a table: {escape(answer['reason'])}.")


KINDS = {
    "groups": groups_section,
    "trend": trend_section,
    "relation": relation_section,
    "distinct": distinct_section,
    "profile": profile_section,
    "text": text_section,
    "unmatched": _unmatched,
    "unreadable": _unreadable,
}
