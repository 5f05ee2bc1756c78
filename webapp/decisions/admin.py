"""Policy decisions in the admin: to be read, never changed."""

from __future__ import annotations

from django.contrib import admin

from webapp.common.admin import TenantAdmin
from webapp.decisions.models import PolicyDecision


@admin.register(PolicyDecision)
class PolicyDecisionPage(TenantAdmin):
    list_display = ("created_at", "point", "subject", "effect", "rule", "revision", "task_id", "step")
    list_filter = ("effect", "point")
    search_fields = ("subject", "rule", "=task_id")
    ordering = ("-id",)
    exclude = ("tenant", "task")
    readonly_fields = ("task_id",)
