"""The catalogue's versions in the admin, for who operates the platform; a tenant's provider keys, written and never shown."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp.catalogue import provider_keys, selectors, versions
from webapp.catalogue.models import CatalogueSnapshot, CatalogueVersion, ProviderKey
from webapp.catalogue.versions import difference
from webapp.common.admin import PlatformAdmin, TenantAdmin
from webapp.common.errors import HartleyError, Invalid


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]
    source = forms.CharField(
        strip=False,
        widget=forms.Textarea(attrs={"rows": 24, "cols": 100, "spellcheck": "false", "class": "code"}),
        help_text="YAML: what differs from the shipped catalogue; see docs/catalogue.md. {} is no difference.",
    )

    class Meta:
        model = CatalogueVersion
        fields = ("source", "note")

    def clean_source(self) -> str:
        """A broken one comes back with its entry, and nothing is saved."""
        source = str(self.cleaned_data["source"]).replace("\r\n", "\n")
        try:
            versions.check_new(source)
        except Invalid as error:
            raise ValidationError(str(error).removeprefix(f"{error.field}: ")) from error
        except HartleyError as error:
            raise ValidationError(str(error)) from error
        return source


@admin.register(CatalogueVersion)
class CatalogueVersionPage(PlatformAdmin):
    verbs: ClassVar = frozenset({"add"})
    form = VersionForm
    list_display = ("number", "active", "note", "author_email", "created_at", "changes")
    list_per_page = 20
    ordering = ("-number",)
    actions = ("put_in_force",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CatalogueVersion]:
        return selectors.with_the_one_before()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ("source", "note")
        return ("number", "active", "note", "author_email", "created_at", "changes", "source")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """One goes on from what is in force."""
        number = selectors.active_number()
        return {"source": selectors.source_of(number)} if number is not None else {}

    @admin.display(description="difference to the one before")
    def changes(self, version: Any) -> SafeString:
        told = difference(version.before, version.source)
        lines = told.splitlines()[2:]
        counted = f"+{sum(line[0] == '+' for line in lines)} −{sum(line[0] == '-' for line in lines)}"
        return format_html("<details><summary>{}</summary><pre>{}</pre></details>", counted, told or "none")

    def save_model(self, request: HttpRequest, obj: CatalogueVersion, form: Any, change: bool) -> None:
        made = versions.save_version(actor=request.user, source=obj.source, note=obj.note)  # type: ignore[arg-type]
        obj.id, obj.number = made.id, made.number
        obj._state.adding = False

    def has_activate_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "activate")

    @admin.action(description="Put this version in force", permissions=["activate"])
    def put_in_force(self, request: HttpRequest, chosen: Any) -> None:
        numbers = list(chosen.values_list("number", flat=True))
        if len(numbers) != 1:
            self.message_user(request, "Choose exactly one version.", messages.ERROR)
            return
        try:
            versions.activate_version(actor=request.user, number=numbers[0])  # type: ignore[arg-type]
        except HartleyError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        self.message_user(request, f"Version {numbers[0]} is in force.", messages.SUCCESS)

    def record(self, *_: Any) -> None:
        """The service has written it down."""


@admin.register(CatalogueSnapshot)
class CatalogueSnapshotPage(PlatformAdmin):
    """What workers go by: the shipped file, the version in force and their environment together."""

    list_display = ("revision", "worker", "written_at")
    fields = ("revision", "worker", "written_at", "catalogue")

    @admin.display
    def catalogue(self, told: CatalogueSnapshot) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(told.body, indent=2, ensure_ascii=False))


class ProviderKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    key = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Kept sealed and never shown again. It takes the place of the provider's key that is there.",
    )

    class Meta:
        model = ProviderKey
        fields = ("provider",)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                provider_keys.check(provider=cleaned["provider"], key=cleaned["key"])
            except Invalid as error:
                raise ValidationError({error.field: str(error).removeprefix(f"{error.field}: ")}) from error
        return cleaned


@admin.register(ProviderKey)
class ProviderKeyPage(TenantAdmin):
    verbs: ClassVar = frozenset({"add"})
    form = ProviderKeyForm
    list_display = ("provider", "last_characters", "created_by", "created_at")
    ordering = ("provider",)
    actions = ("remove",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderKey]:
        return super().get_queryset(request).defer("sealed")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("provider", "key") if obj is None else ("provider", "last_characters", "created_by", "created_at")

    @admin.display(description="key")
    def last_characters(self, key: ProviderKey) -> str:
        return f"…{key.shown}"

    def save_model(self, request: HttpRequest, obj: ProviderKey, form: Any, change: bool) -> None:
        made = provider_keys.set_key(
            actor=request.user,  # type: ignore[arg-type]
            provider=obj.provider,
            key=form.cleaned_data["key"],
        )
        obj.id = made.id
        obj._state.adding = False

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "remove")

    @admin.action(description="Remove", permissions=["remove"])
    def remove(self, request: HttpRequest, chosen: Any) -> None:
        names = sorted(chosen.values_list("provider", flat=True))
        for name in names:
            provider_keys.remove_key(actor=request.user, provider=name)  # type: ignore[arg-type]
        self.message_user(request, f"Removed: {', '.join(names)}.", messages.SUCCESS)

    def record(self, *_: Any) -> None:
        """The service has written it down."""
