"""The audit trail in the admin: to be read."""

from __future__ import annotations

from django.contrib import admin

from webapp.audit.models import AuditEntry
from webapp.common.admin import TenantAdmin


@admin.register(AuditEntry)
class AuditEntryPage(TenantAdmin):
    list_display = ("created_at", "actor_email", "action", "subject", "detail")
    list_filter = ("action",)
    search_fields = ("subject", "actor_email")
    ordering = ("-id",)
    exclude = ("tenant", "actor")
