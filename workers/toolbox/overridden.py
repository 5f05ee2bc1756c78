"""Tools as their declaration and the platform's settings make them together. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

from webapp.tool_settings.rules import Setting
from workers.toolbox.registry import Registry, Tool

OVERRIDDEN = ("dangerous", "price_usd", "rate_per_minute", "concurrency", "timeout_s")


def overridden(declared: Registry, settings: Iterable[Setting]) -> Registry:
    """What is switched off is not there, and its name is nobody else's. A setting of a name that is not known waits."""
    said = {setting.name: setting for setting in settings}
    off = frozenset(name for name, setting in said.items() if not setting.is_enabled)
    return Registry([_changed(tool, said.get(tool.name)) for tool in declared if tool.name not in off], off=off)


def _changed(tool: Tool, setting: Setting | None) -> Tool:
    if setting is None:
        return tool
    changed = copy(tool)
    for name in OVERRIDDEN:
        value = getattr(setting, name)
        if value is not None:
            setattr(changed, name, value)
    return changed
