"""Error pages for people; the API's own errors stay JSON, wherever they arise."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from webapp.api.tracing import trace_of


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    text = "There is nothing at this address, or it belongs to someone else."
    return _answer(request, 404, "Not found", text, wire="Not found")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    text = str(exception) or "Your role does not allow this."
    return _answer(request, 403, "Not allowed", text, wire=text)


def failed(request: HttpRequest) -> HttpResponse:
    text = f"Something broke on our side. Operators find it in the web process's log by the trace {trace_of(request)}."
    return _answer(request, 500, "Something broke", text, wire="Internal error")


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = "This page was open for too long, or its cookies are gone. Go back, reload it and try again."
    return _answer(request, 403, "Please try again", text, wire="CSRF check failed")


def _answer(request: HttpRequest, status: int, title: str, text: str, *, wire: str) -> HttpResponse:
    if request.path.startswith(("/api/", "/v1/", "/flower/api/")):
        return JsonResponse({"error": wire}, status=status)
    if request.headers.get("HX-Request"):
        return HttpResponse(text, status=status, content_type="text/plain")
    return render(request, "error.html", {"title": title, "text": text, "status": status}, status=status)
