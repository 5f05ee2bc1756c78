"""Signing in and out on the pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from webapp.api.limits import address_of
from webapp.tenants.pages_session import begin_session
from webapp.tenants.sign_in import BadCredentials, LockedOut, sign_in


@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    onward = _onward(request)
    if request.method == "GET":
        return HttpResponseRedirect(onward) if request.user.is_authenticated else _form(request, onward)
    email, password = request.POST.get("email", ""), request.POST.get("password", "")
    try:
        principal = sign_in(email=email, password=password, address=address_of(request))
    except (BadCredentials, LockedOut) as error:
        return _form(request, onward, email=email[:254], error=str(error), status=error.status)
    begin_session(request, principal)
    return HttpResponseRedirect(onward)


@require_POST
def out(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    return HttpResponseRedirect("/sign-in")


def _onward(request: HttpRequest) -> str:
    """Where they wanted to go, within this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=False)
    return wanted if safe and wanted.startswith("/") else "/"


def _form(request: HttpRequest, onward: str, *, email: str = "", error: str = "", status: int = 200) -> HttpResponse:
    return render(request, "sign_in.html", {"next": onward, "email": email, "error": error}, status=status)
