"""What governs a tenant, in the admin: its policy modules with their versions, and freezes."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from webapp.common.admin import TenantAdmin
from webapp.common.errors import HartleyError, Invalid
from webapp.decisions.models import Freeze, PolicyModule, PolicyVersion
from webapp.orchestration import freezes, policies


class ModuleForm(forms.ModelForm):  # type: ignore[type-arg]
    source = forms.CharField(
        strip=False,
        widget=forms.Textarea(attrs={"rows": 24, "cols": 100, "spellcheck": "false", "class": "code"}),
        help_text="Rego, package hartley.own, with the rules deny and needs_approval; see docs/policies.md.",
    )
    note = forms.CharField(required=False, max_length=200, help_text="What changes, and why.")

    class Meta:
        model = PolicyModule
        fields = ("name", "mode", "source", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.fields["source"].initial = self.instance.versions.get(number=self.instance.active).source

    def clean(self) -> dict[str, Any]:
        """A broken module comes back with its line, and nothing is saved."""
        cleaned = super().clean() or {}
        name = cleaned.get("name") or self.instance.name
        if name and cleaned.get("source"):
            try:
                policies.check(name=name, source=cleaned["source"].replace("\r\n", "\n"))
            except HartleyError as error:
                raise ValidationError({"source": str(error)}) from error
        return cleaned


class VersionsInline(admin.StackedInline):  # type: ignore[type-arg]
    model = PolicyVersion
    fields = readonly_fields = ("number", "note", "author_email", "created_at", "source")
    ordering = ("-number",)
    extra = 0
    can_delete = False
    verbose_name_plural = "versions"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


@admin.register(PolicyModule)
class PolicyModulePage(TenantAdmin):
    verbs: ClassVar = frozenset({"add", "change"})
    form = ModuleForm
    list_display = ("name", "mode", "active", "created_at")
    fields = ("name", "mode", "source", "note")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """A module that is still being made has no versions; nor an id to ask for them by."""
        return (VersionsInline,) if obj else ()

    def save_model(self, request: HttpRequest, obj: PolicyModule, form: Any, change: bool) -> None:
        data = form.cleaned_data
        saved = policies.save_module(
            actor=request.user,  # type: ignore[arg-type]
            name=obj.name,
            source=data["source"].replace("\r\n", "\n"),
            mode=data["mode"],
            note=data["note"],
        )
        obj.id, obj.active = saved.id, saved.active
        obj._state.adding = False

    def record(self, *_: Any) -> None:
        """The service has written it down."""


@admin.register(PolicyVersion)
class PolicyVersionPage(TenantAdmin):
    """Every version of every module; an earlier one can be put in force again."""

    list_display = ("module", "number", "in_force", "note", "author_email", "created_at")
    list_select_related = ("module",)
    list_filter = ("module",)
    ordering = ("-id",)
    exclude = ("tenant",)
    actions = ("put_in_force",)

    @admin.display(boolean=True)
    def in_force(self, version: PolicyVersion) -> bool:
        return version.module.active == version.number

    def has_activate_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "activate")

    @admin.action(description="Put this version in force", permissions=["activate"])
    def put_in_force(self, request: HttpRequest, chosen: Any) -> None:
        versions = list(chosen.select_related("module"))
        if len(versions) != 1:
            self.message_user(request, "Choose exactly one version.", messages.ERROR)
            return
        version = versions[0]
        try:
            policies.activate_version(actor=request.user, module=version.module, number=version.number)  # type: ignore[arg-type]
        except HartleyError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        self.message_user(request, f"Version {version.number} of {version.module} is in force.", messages.SUCCESS)


class FreezeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Freeze
        fields = ("kind", "subject", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                freezes.check(**{name: cleaned[name] for name in ("kind", "subject", "reason")})
            except Invalid as error:
                raise ValidationError({error.field: str(error).removeprefix(f"{error.field}: ")}) from error
        return cleaned


@admin.register(Freeze)
class FreezePage(TenantAdmin):
    """Saving a freeze keeps matching work from starting; the action thaws it."""

    verbs: ClassVar = frozenset({"add"})
    form = FreezeForm
    list_display = ("kind", "subject", "reason", "frozen_by", "created_at", "thawed_at", "thawed_by")
    list_filter = (("thawed_at", admin.EmptyFieldListFilter),)
    ordering = ("-id",)
    actions = ("thaw",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        asked = ("kind", "subject", "reason")
        return asked if obj is None else (*asked, "frozen_by", "created_at", "thawed_at", "thawed_by")

    def save_model(self, request: HttpRequest, obj: Freeze, form: Any, change: bool) -> None:
        made = freezes.freeze(actor=request.user, kind=obj.kind, subject=obj.subject, reason=obj.reason)  # type: ignore[arg-type]
        obj.id = made.id
        obj._state.adding = False

    def has_thaw_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "thaw")

    @admin.action(description="Thaw", permissions=["thaw"])
    def thaw(self, request: HttpRequest, chosen: Any) -> None:
        thawed = freezes.thaw(actor=request.user, frozen=list(chosen))  # type: ignore[arg-type]
        self.message_user(request, f"Thawed: {thawed}.", messages.SUCCESS)

    def record(self, *_: Any) -> None:
        """The service has written it down."""
