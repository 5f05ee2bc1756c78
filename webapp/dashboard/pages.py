"""The frame of every page: who may see it, and the tenant scope in which it is read and rendered."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.functional import LazyObject

from webapp.common.errors import NotFound
from webapp.common.tenancy import tenant_scope
from webapp.tenants.models import User
from webapp.tenants.rules import Principal
from webapp.tenants.selectors import principal_of_user

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Principal, P], HttpResponseBase]


def page(*, scope: str) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """A page that reads: it is rendered inside the tenant's scope, so a template can't see another's rows."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        def scoped(request: HttpRequest, who: Principal, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            with tenant_scope(who.tenant_id):
                response = view(request, who, *args, **kwargs)
                return response.render() if isinstance(response, TemplateResponse) else response

        return action(scope=scope)(wraps(view)(scoped))

    return decorate


def action(*, scope: str) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """A view that acts: the use case it calls opens its own scope, so that what follows a commit follows it."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            who = principal(request)
            if who is None:
                return to_sign_in(request)
            if not who.may(scope):
                raise PermissionDenied(f"Your role, {who.role}, lacks the scope {scope}.")
            try:
                return view(request, who, *args, **kwargs)
            except NotFound as error:
                raise Http404(str(error)) from error

        checked.scope = scope  # type: ignore[attr-defined]
        return checked

    return decorate


def principal(request: HttpRequest) -> Principal | None:
    user = cast("User | LazyObject", request.user)
    return principal_of_user(cast(User, user)) if request.user.is_authenticated else None


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """A page goes there itself; a fragment asks the browser to take the whole page there."""
    back = "/" if request.headers.get("HX-Request") else request.get_full_path()
    url = f"/sign-in?next={quote(back)}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def is_fragment(request: HttpRequest) -> bool:
    return bool(request.headers.get("HX-Request")) and not request.headers.get("HX-Boosted")


def shown(request: HttpRequest, template: str, context: dict[str, Any], fragment: str = "") -> TemplateResponse:
    """The whole page, or only the named part of it when htmx asks for that."""
    return TemplateResponse(request, fragment if fragment and is_fragment(request) else template, context)
