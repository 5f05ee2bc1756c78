"""Tenant, people and keys in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from webapp.common.admin import TenantAdmin
from webapp.tenants.models import ApiKey, Role, Tenant, User
from webapp.tenants.rules import grantable_roles
from webapp.tenants.selectors import is_taken
from webapp.tenants.tokens import end_sign_ins


@admin.register(Tenant)
class TenantPage(TenantAdmin):
    verbs: ClassVar = frozenset({"change"})
    list_display = ("name", "tier", "session_tokens", "is_active", "created_at")
    fields = ("name", "tier", "session_tokens", "answer_cache", "is_active", "created_at")
    readonly_fields = ("tier", "is_active", "created_at")  # what it pays for and whether it runs isn't its own to say


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    new_password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Leave it empty to keep the password. Setting it ends the person's sessions and tokens.",
    )
    editor: ClassVar[User]  # the admin page makes a subclass per request

    class Meta:
        model = User
        fields = ("email", "name", "role", "is_active")

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if is_taken(email, but=None if self.instance._state.adding else self.instance.id):
            raise ValidationError("This address can't be used.")
        return email

    def clean_new_password(self) -> str:
        password = str(self.cleaned_data["new_password"])
        if not password and self.instance._state.adding:
            raise ValidationError("A new person needs a password.")
        if password:
            validate_password(password, self.instance)
        return password

    def clean_role(self) -> str:
        role = str(self.cleaned_data["role"])
        if role not in grantable_roles(self.editor.role):
            raise ValidationError(f"Your role, {self.editor.role}, can't make someone {role}.")
        return role

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        before = None if self.instance._state.adding else User.objects.get(id=self.instance.id)
        if before is None:
            return cleaned
        if before.role not in grantable_roles(self.editor.role):
            raise ValidationError(f"Your role, {self.editor.role}, can't change someone who is {before.role}.")
        stays_owner = cleaned.get("role") == Role.OWNER and cleaned.get("is_active")
        others = User.objects.filter(role=Role.OWNER, is_active=True).exclude(id=before.id)
        if before.role == Role.OWNER and not stays_owner and not others.exists():
            raise ValidationError("The tenant would have no owner left; make someone else an owner first.")
        return cleaned


@admin.register(User)
class UserPage(TenantAdmin):
    verbs: ClassVar = frozenset({"add", "change"})
    form = UserForm
    list_display = ("email", "name", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    fields = ("email", "name", "role", "is_active", "new_password")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type("UserForm", (form,), {"editor": request.user})

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.tenant_id = request.user.tenant_id  # type: ignore[union-attr]
        if password := form.cleaned_data["new_password"]:
            obj.set_password(password)
        super().save_model(request, obj, form, change)
        if password:
            end_sign_ins(user=obj)


@admin.register(ApiKey)
class ApiKeyPage(TenantAdmin):
    """
    Keys are made where they are shown once: on the page Keys. Here they are looked at and switched off, for good: one that
    leaked must open nothing again.
    """

    verbs: ClassVar = frozenset({"change"})
    list_display = ("name", "key_prefix", "user", "is_active", "expires_at", "last_used_at", "created_at")
    list_filter = ("is_active",)
    list_select_related = ("user",)
    search_fields = ("name", "key_prefix", "user__email")
    fields = ("name", "key_prefix", "user", "scopes", "is_active", "expires_at", "last_used_at", "created_at")
    readonly_fields = ("key_prefix", "user", "scopes", "expires_at", "last_used_at", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        ended = () if obj is None or obj.is_active else ("is_active",)
        return (*self.readonly_fields, *ended)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """What was changed and no more: the key may be revoked on its page while it is looked at here."""
        obj.save(update_fields=form.changed_data)
