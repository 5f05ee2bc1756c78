"""Flower behind our sign-in: its pages and its API, for those who run the platform.

Flower itself listens on loopback under a password that only the web process knows. It shows the queues of all
tenants, so the scopes it asks for are those of the platform's own tenant; see webapp.tenants.rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from urllib.parse import quote

import httpx2
import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from webapp.api.authentication import REALM, credential_of, principal_of
from webapp.common.origins import is_of
from webapp.dashboard.pages import principal, to_sign_in
from webapp.tenants.rules import Principal

log = structlog.get_logger()
SENT_ON = ("Accept", "Content-Type", "X-XSRFToken", "X-Requested-With")
PASSED_BACK = ("Content-Type", "Location", "ETag", "Cache-Control")
SAFE = ("GET", "HEAD")
INLINE_SCRIPT = b'<script type="text/javascript">'  # the one that Flower's list of workers has
INLINE_STYLE = b' style="width: 125px;"'


@csrf_exempt  # Flower has a token of its own; who may act at all is checked by origin below
@never_cache
def flower(request: HttpRequest, path: str) -> HttpResponse:
    who = principal_of(request) if credential_of(request) else principal(request)
    if who is None:
        return _unknown(request, path)
    _check(request, who)
    if not settings.FLOWER_URL:
        return _away(request, "Flower is not part of this installation: FLOWER_URL is not set.")
    try:
        answer = _client().request(
            request.method or "GET",
            f"/flower/{quote(path)}?{request.META.get('QUERY_STRING', '')}",
            content=request.body,
            headers=_headers(request),
        )
    except httpx2.HTTPError as error:
        log.warning("flower.away", error=type(error).__name__)
        return _away(request, "Flower does not answer. The workers go on without it; the supervisor restarts it.")
    return _passed_back(request, answer)


def _check(request: HttpRequest, who: Principal) -> None:
    """Looking needs `queues:read`; stopping workers and the like needs `queues:manage`, and our own pages."""
    needed = "queues:read" if request.method in SAFE else "queues:manage"
    if needed not in who.scopes:
        raise PermissionDenied(f"Your role, {who.role}, lacks the scope {needed} here.")
    if request.method in SAFE or credential_of(request):
        return
    if not is_of(request.headers.get("Origin", ""), request.get_host()):
        raise PermissionDenied("This request does not come from Hartley's own pages.")


@cache
def _client() -> httpx2.Client:
    name, _, password = settings.FLOWER_BASIC_AUTH.partition(":")
    return httpx2.Client(base_url=settings.FLOWER_URL, auth=(name, password), timeout=settings.FLOWER_TIMEOUT_S)


def _headers(request: HttpRequest) -> dict[str, str]:
    """Of the cookies only Flower's own: our session stays here."""
    sent = {name: request.headers[name] for name in SENT_ON if name in request.headers}
    token = request.COOKIES.get("_xsrf")
    return {**sent, "Cookie": f"_xsrf={token}"} if token else sent


def _passed_back(request: HttpRequest, answer: httpx2.Response) -> HttpResponse:
    body, nonce = answer.content, str(request.csp_nonce)  # type: ignore[attr-defined]
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        body = body.replace(INLINE_SCRIPT, f'<script nonce="{nonce}">'.encode()).replace(INLINE_STYLE, b"")
    response = HttpResponse(body, status=answer.status_code)
    for name in PASSED_BACK:
        if name in answer.headers:
            response[name] = answer.headers[name]
    if token := _token_of(answer.cookies):
        response.set_cookie("_xsrf", token, path="/flower/", samesite="Lax", secure=settings.HTTPS)
    return response


def _token_of(cookies: Mapping[str, str]) -> str | None:
    return cookies.get("_xsrf")


def _unknown(request: HttpRequest, path: str) -> HttpResponse:
    if path.startswith("api/"):
        body = {"error": "A valid credential is required"}
        return JsonResponse(body, status=401, headers={"WWW-Authenticate": REALM})
    return to_sign_in(request)


def _away(request: HttpRequest, text: str) -> HttpResponse:
    return render(request, "error.html", {"title": "Flower is away", "text": text, "status": 503}, status=503)
