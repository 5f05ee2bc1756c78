"""Django's admin, closed to other tenants: each view is read and rendered inside its visitor's tenant scope.

Rights come from the role (webapp.tenants.rules.may_administer); each change is kept in the audit trail.
"""

from __future__ import annotations

from functools import update_wrapper
from typing import Any, ClassVar

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.apps import AdminConfig
from django.db import models
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON

changed = Signal()  # actor, action, subject, detail; the audit app listens, inside the transaction of the change


class HartleyAdminSite(AdminSite):
    site_header = site_title = "Hartley administration"
    index_title = "What this tenant is governed by"
    site_url = "/"
    enable_nav_sidebar = True

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        def scoped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not self.has_permission(request):
                return inner(request, *args, **kwargs)
            with tenant_scope(request.user.tenant_id):  # type: ignore[union-attr]
                response = inner(request, *args, **kwargs)
                return response.render() if callable(getattr(response, "render", None)) else response

        return update_wrapper(scoped, view)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One sign-in for everything."""
        return HttpResponseRedirect(f"/sign-in?next={request.GET.get('next', '/admin/')}")


class HartleyAdminConfig(AdminConfig):
    default_site = "webapp.common.admin.HartleyAdminSite"


class TenantAdmin(ModelAdmin):  # type: ignore[type-arg]
    """
    The base of every page of the admin. Nothing can be added, changed or deleted unless a subclass says so.

    Attributes:
        verbs: of add, change and delete, those that make sense for the model; the role must allow them too.
    """

    verbs: ClassVar[frozenset[str]] = frozenset()
    list_per_page = 50
    show_full_result_count = False

    def _may(self, request: HttpRequest, verb: str) -> bool:
        model = self.opts.model_name or ""
        return request.user.is_authenticated and request.user.may_administer(model, verb)  # type: ignore[union-attr]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.record(request, f"{self.opts.model_name}.added", obj, {})

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.record(request, f"{self.opts.model_name}.changed", obj, getattr(obj, "_was", {}))

    def record(self, request: HttpRequest, action: str, obj: models.Model, detail: JSON) -> None:
        """In place of Django's own log, which knows no tenant."""
        changed.send(sender=type(obj), actor=request.user, action=action, subject=f"{obj}", detail=detail)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Keeps old and new values beside the row until `log_change`; a password is told of by its name alone."""
        before, after = form.initial, form.cleaned_data
        form.instance._was = {
            name: "set" if "password" in name else [str(before.get(name)), str(after.get(name))]
            for name in form.changed_data
        }
        return super().construct_change_message(request, form, formsets, add)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, "view")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return "add" in self.verbs and self._may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return "change" in self.verbs and self._may(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return "delete" in self.verbs and self._may(request, "delete")


class PlatformAdmin(TenantAdmin):
    """Of what all tenants share: for the tenant that operates the platform, by the roles of its people."""

    def _may(self, request: HttpRequest, verb: str) -> bool:
        return super()._may(request, verb) and request.user.tenant.operates_platform  # type: ignore[union-attr]
