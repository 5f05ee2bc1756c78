"""Versions of prompt templates in the admin: to be read. They are written, and put in force, on the page Prompts."""

from __future__ import annotations

from django.contrib import admin

from webapp.common.admin import TenantAdmin
from webapp.prompts.models import PromptTemplate


@admin.register(PromptTemplate)
class PromptTemplatePage(TenantAdmin):
    list_display = ("name", "version", "note", "created_by", "created_at")
    list_filter = ("name",)
    ordering = ("name", "-version")
    exclude = ("tenant",)
