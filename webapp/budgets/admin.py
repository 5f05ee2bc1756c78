"""Budgets and their ledger in the admin. Limits can be changed here; what was held and spent is the engine's alone."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest

from webapp.budgets.errors import LimitTooLow
from webapp.budgets.models import Envelope, LedgerEntry
from webapp.budgets.services import set_limits
from webapp.budgets.units import UNITS
from webapp.common.admin import TenantAdmin

COLUMNS = {field.name for field in Envelope._meta.local_fields}
LIMITS = tuple(f"{unit.name}_limit" for unit in UNITS)
AMOUNTS = tuple(
    name for unit in UNITS for what in ("spent", "held", "overrun") if (name := f"{unit.name}_{what}") in COLUMNS
)
OWNER = ("level", "owner_id", "name", "period")


@admin.register(Envelope)
class EnvelopePage(TenantAdmin):
    verbs: ClassVar = frozenset({"change"})
    list_display = (*OWNER, "tokens_limit", "tokens_spent", "tokens_held", "usd_limit", "usd_spent")
    list_filter = ("level", "period")
    search_fields = ("=owner_id",)
    ordering = ("-id",)
    fields = (*OWNER, *LIMITS, *AMOUNTS, "created_at")
    readonly_fields = (*OWNER, *AMOUNTS, "created_at")

    def save_model(self, request: HttpRequest, obj: Envelope, form: Any, change: bool) -> None:
        """Only the limits, and only where what is booked by now still fits: the engine may have moved on meanwhile."""
        limits = {unit.name: getattr(obj, f"{unit.name}_limit") for unit in UNITS}
        try:
            set_limits(tenant=obj.tenant_id, envelope=obj.id, limits=limits)
        except LimitTooLow as error:
            request.refused = True  # type: ignore[attr-defined]
            self.message_user(request, f"Not changed: {error}.", messages.ERROR)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """What was refused has changed nothing."""
        if not getattr(request, "refused", False):
            super().log_change(request, obj, message)


@admin.register(LedgerEntry)
class LedgerPage(TenantAdmin):
    list_display = (
        "created_at", "state", "provider", "model", "purpose", "agent", "held_tokens", "prompt_tokens",
        "completion_tokens", "usd", "worst_case", "task_id",
    )  # fmt: skip
    list_filter = ("state", "worst_case")
    search_fields = ("=task_id", "=provider", "=model")
    ordering = ("-created_at",)
    exclude = ("tenant",)
