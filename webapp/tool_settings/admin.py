"""The platform's tools in the admin: switched off and on, their prices and limits. For who operates the platform."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from webapp.common.admin import PlatformAdmin
from webapp.tool_settings.models import ToolSetting


@admin.register(ToolSetting)
class ToolSettingPage(PlatformAdmin):
    """What is changed here counts in every worker about a second later."""

    verbs: ClassVar = frozenset({"add", "change"})
    list_display = (
        "name", "is_enabled", "dangerous", "price_usd", "rate_per_minute", "concurrency", "timeout_s", "changed_at",
    )  # fmt: skip
    fields = ("name", "is_enabled", "dangerous", "price_usd", "rate_per_minute", "concurrency", "timeout_s")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",) if obj else ()
