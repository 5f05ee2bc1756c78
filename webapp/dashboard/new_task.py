"""A new task: the form, the bundled examples, a task to run again. It follows the API's own rules for a submission."""

from __future__ import annotations

import json
import mimetypes
import secrets
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from webapp.agent_tasks.models import Mode
from webapp.agent_tasks.selectors import find_content, find_task
from webapp.api.submission import MODES, TIERS, read_submission
from webapp.common.errors import Invalid, NotFound
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.pages import action
from webapp.orchestration.submit import submit_task
from webapp.tenants.rules import Principal

EXAMPLES = settings.BASE_DIR / "examples"
TYPED = ("query", "session_id", "mode", "model_tier", "example", "from")
mimetypes.add_type("text/markdown", ".md")


@require_http_methods(["GET", "POST"])
@action(scope="workflows:write")
def new_task(request: HttpRequest, who: Principal) -> HttpResponse:
    if request.method == "GET":
        return _form(request, who, _asked(request, who))
    typed = {name: request.POST.get(name, "").strip() for name in TYPED}
    try:
        submission = read_submission(_body(request, who, typed))
    except Invalid as error:
        return _form(request, who, typed, error=error, status=400)
    once = f"form:{request.POST.get('once', '')[:32] or secrets.token_hex(16)}"
    task = submit_task(principal=who, submission=submission, idempotency=once)
    return HttpResponseRedirect(f"/tasks/{task.id}")


def examples() -> dict[str, JSON]:
    """By folder: the question and its files."""
    found = {}
    for request in sorted(EXAMPLES.glob("*/request.json")):
        body = json.loads(request.read_text())
        files = [request.parent / attachment["path"] for attachment in body["context"]["attachments"]]
        found[request.parent.name] = {"query": body["query"], "files": files}
    return found


def _asked(request: HttpRequest, who: Principal) -> dict[str, str]:
    """What the address brings along: an example, a task to run again, a session to go on in."""
    typed = {name: request.GET.get(name, "") for name in TYPED}
    typed["session_id"] = request.GET.get("session", "")
    if example := examples().get(typed["example"]):
        return {**typed, "query": example["query"]}
    if typed["from"] and (earlier := _earlier(who, typed["from"])):
        return {**typed, "query": earlier["query"], "mode": earlier["mode"]}
    return {**typed, "example": "", "from": ""}


def _body(request: HttpRequest, who: Principal, typed: dict[str, str]) -> JSON:
    files = [_uploaded(file) for file in request.FILES.getlist("files")]
    if example := examples().get(typed["example"]):
        files += [_on_disk(path) for path in example["files"]]
    elif typed["from"] and (earlier := _earlier(who, typed["from"])):
        files += earlier["files"]
    return {
        "query": typed["query"],
        "session_id": typed["session_id"],
        "mode": typed["mode"],
        "model_tier": typed["model_tier"],
        "context": {"attachments": files} if files else {},
    }


def _earlier(who: Principal, name: str) -> JSON | None:
    """A task that may be seen, with its files; None for any other."""
    try:
        with tenant_scope(who.tenant_id):
            task = find_task(who.tenant_id, who.watches, str(UUID(name)))
            files = [
                {
                    "filename": file["filename"],
                    "media_type": file["media_type"],
                    "data": bytes(find_content(who.tenant_id, file["id"]).data),
                }
                for file in task.attachments
            ]
    except (NotFound, ValueError):
        return None
    return {"query": task.query, "mode": task.mode, "files": files}


def _uploaded(file: UploadedFile) -> JSON:
    """Browsers guess the kind of a file by its name, and badly; so do we, but always alike."""
    name = file.name or "attachment"
    return {"filename": name, "media_type": _media_type(name, file.content_type), "data": file.read()}


def _on_disk(path: Path) -> JSON:
    return {"filename": path.name, "media_type": _media_type(path.name, None), "data": path.read_bytes()}


def _media_type(name: str, given: str | None) -> str:
    return mimetypes.guess_type(name)[0] or given or "application/octet-stream"


def _form(
    request: HttpRequest, who: Principal, typed: dict[str, str], error: Invalid | None = None, status: int = 200
) -> HttpResponse:
    earlier = _earlier(who, typed["from"]) if typed.get("from") else None
    example = examples().get(typed["example"])
    context = {
        "typed": typed,
        "error": error,
        "field": error.field.split(".")[0].split("[")[0] if error else "",
        "examples": examples(),
        "brought": [path.name for path in example["files"]] if example else _names(earlier),
        "modes": [choice for choice in Mode.choices if choice[0] in MODES],
        "tiers": TIERS,
        "limit_bytes": settings.ATTACHMENTS_LIMIT_BYTES,
        "limit_chars": settings.QUERY_LIMIT_CHARS,
        "once": secrets.token_hex(16),
    }
    return render(request, "new_task/page.html", context, status=status)


def _names(earlier: JSON | None) -> list[str]:
    return [file["filename"] for file in earlier["files"]] if earlier else []
