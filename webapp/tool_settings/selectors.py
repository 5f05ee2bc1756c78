"""Reads of what is said of tools. They belong to no tenant."""

from __future__ import annotations

from webapp.tool_settings.models import ToolSetting
from webapp.tool_settings.rules import Setting

FIELDS = tuple(Setting.__dataclass_fields__)


def settings_in_force() -> list[Setting]:
    return [Setting(*row) for row in ToolSetting.objects.order_by("name").values_list(*FIELDS)]
