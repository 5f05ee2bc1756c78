"""Reads of what is said of tools. They belong to no tenant."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from webapp.tool_settings.models import ToolSetting


@dataclass(frozen=True)
class Setting:
    """None: as the tool declares it."""

    name: str
    is_enabled: bool = True
    dangerous: bool | None = None
    price_usd: Decimal | None = None
    rate_per_minute: int | None = None
    concurrency: int | None = None
    timeout_s: float | None = None


FIELDS = tuple(Setting.__dataclass_fields__)


def settings_in_force() -> list[Setting]:
    return [Setting(*row) for row in ToolSetting.objects.order_by("name").values_list(*FIELDS)]
