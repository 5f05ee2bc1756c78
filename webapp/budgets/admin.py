"""Budgets and their ledger in the admin. Limits can be changed here; what was held and spent is the engine's alone."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import F, Q
from django.http import HttpRequest

from webapp.budgets.models import Envelope, LedgerEntry
from webapp.common.admin import TenantAdmin

AMOUNTS = ("tokens_spent", "tokens_held", "tokens_overrun", "usd_spent", "usd_held", "usd_overrun")


@admin.register(Envelope)
class EnvelopePage(TenantAdmin):
    verbs: ClassVar = frozenset({"change"})
    list_display = ("level", "owner_id", "tokens_limit", "tokens_spent", "tokens_held", "usd_limit", "usd_spent")
    list_filter = ("level",)
    search_fields = ("=owner_id",)
    ordering = ("-id",)
    fields = ("level", "owner_id", "tokens_limit", "usd_limit", *AMOUNTS, "created_at")
    readonly_fields = ("level", "owner_id", *AMOUNTS, "created_at")

    def save_model(self, request: HttpRequest, obj: Envelope, form: Any, change: bool) -> None:
        """Only the limits, and only where what is booked by now still fits: the engine may have moved on meanwhile."""
        fits = _fits("tokens", obj.tokens_limit) & _fits("usd", obj.usd_limit)
        limits = {"tokens_limit": obj.tokens_limit, "usd_limit": obj.usd_limit}
        if not Envelope.objects.filter(fits, id=obj.id).update(**limits):
            text = "Not changed: more than this is already spent or held. Set a limit above it."
            self.message_user(request, text, messages.ERROR)


def _fits(unit: str, limit: Any) -> Q:
    if limit is None:
        return Q()
    return Q(**{f"{unit}_spent__lte": limit - F(f"{unit}_held") + F(f"{unit}_overrun")})


@admin.register(LedgerEntry)
class LedgerPage(TenantAdmin):
    list_display = (
        "created_at", "state", "provider", "model", "purpose", "agent", "held_tokens", "prompt_tokens",
        "completion_tokens", "usd", "worst_case", "task_id",
    )  # fmt: skip
    list_filter = ("state", "provider", "worst_case")
    search_fields = ("=task_id", "=model")
    ordering = ("-created_at",)
    exclude = ("tenant",)
