"""A new task: the form, with what an example or an earlier task brings along. The rules are those of the API."""

from __future__ import annotations

import hashlib
import json
import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from webapp.agent_tasks.models import Mode
from webapp.api.submission import MODES, TIERS, read_submission
from webapp.common.errors import Invalid
from webapp.dashboard.brought import Brought, brought, examples, read_files
from webapp.dashboard.pages import action
from webapp.dashboard.uploads import uploaded
from webapp.orchestration.submit import Submission, quote_of, submit_task, why_waiting
from webapp.tenants.rules import Principal

ASKED = ("query", "session_id", "mode", "model_tier", "max_cost_usd")
TYPED = (*ASKED, "example", "from")
ONCE_LIMIT = 64


@require_http_methods(["GET", "POST"])
@action(scope="workflows:write")
def new_task(request: HttpRequest, who: Principal) -> HttpResponse:
    typed = _typed(request)
    along = brought(who, example=typed["example"], earlier=typed["from"])
    if request.method == "GET":
        typed |= {"query": along.query, "mode": along.mode, "session_id": request.GET.get("session", "")}
        return _form(request, typed, along, keep={file.name for file in along.files})
    keep = set(request.POST.getlist("keep"))
    try:
        submission = _submission(request, who, typed, along, keep)
    except Invalid as error:
        return _form(request, typed, along, keep=keep, error=error)
    task = submit_task(principal=who, submission=submission, idempotency=_name(request, submission))
    return HttpResponseRedirect(f"/tasks/{task.id}")


@require_POST
@action(scope="workflows:write")
def quoted(request: HttpRequest, who: Principal) -> HttpResponse:
    """What the form as it stands would take, or what of it is wrong."""
    typed = _typed(request)
    along = brought(who, example=typed["example"], earlier=typed["from"])
    try:
        submission = _submission(request, who, typed, along, set(request.POST.getlist("keep")))
    except Invalid as error:
        return render(request, "new_task/quote.html", {"error": str(error)})
    quote = quote_of(who.tenant_id, submission)
    return render(request, "new_task/quote.html", {"quote": quote, "waits": why_waiting(submission, quote)})


def _typed(request: HttpRequest) -> dict[str, str]:
    given = request.POST if request.method == "POST" else request.GET
    return {name: given.get(name, "").strip().replace("\r\n", "\n") for name in TYPED}


def _submission(
    request: HttpRequest, who: Principal, typed: dict[str, str], along: Brought, keep: set[str]
) -> Submission:
    """
    Raises:
        Invalid
    """
    files = uploaded(request.FILES.getlist("files"))
    files += read_files(who, [file for file in along.files if file.name in keep])
    asked = {name: typed[name] for name in ASKED}
    return read_submission({**asked, "context": {"attachments": files}})


def _name(request: HttpRequest, submission: Submission) -> str:
    """
    What was sent from this form: sent twice, as by a double click, it is one task.

    Changed and sent again, as after going back in the browser, it is another.
    """
    once = request.POST.get("once", "")[:ONCE_LIMIT] or secrets.token_hex()
    files = [[file.name, hashlib.sha256(file.data).hexdigest()] for file in submission.attachments]
    sent = [once, submission.query, submission.session, submission.mode, submission.context, files]
    return hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()


def _form(
    request: HttpRequest, typed: dict[str, str], along: Brought, *, keep: set[str], error: Invalid | None = None
) -> HttpResponse:
    context = {
        "typed": typed,
        "error": str(error).removeprefix(f"{error.field}: ") if error else "",
        "field": error.field.split(".")[0] if error else "",
        "examples": examples(),
        "along": [{"file": file, "kept": file.name in keep} for file in along.files],
        "modes": [choice for choice in Mode.choices if choice[0] in MODES],
        "tiers": TIERS,
        "limit_bytes": settings.ATTACHMENTS_LIMIT_BYTES,
        "limit_chars": settings.QUERY_LIMIT_CHARS,
        "once": secrets.token_hex(16),
    }
    return render(request, "new_task/page.html", context, status=400 if error else 200)
