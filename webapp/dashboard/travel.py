"""Time travel on pages: replay a task, fork it at a step, look at a fork beside its run. The rules are the API's."""

from __future__ import annotations

import json
import secrets
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Step, Task
from webapp.api.submission import TIERS
from webapp.api.travel import ARGUMENTS_LIMIT_CHARS, PROMPT_LIMIT_CHARS, read_fork
from webapp.common.errors import Conflict, Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.markdown import formatted
from webapp.dashboard.numbers import whole
from webapp.dashboard.pages import action, page, shown
from webapp.orchestration.comparison import compare
from webapp.orchestration.fork import EVERY_RUN_ITSELF, ForkInvalid
from webapp.orchestration.plan import DESCRIPTION_LIMIT_CHARS
from webapp.orchestration.travel import PLANS, fork_task, replay_task
from webapp.tenants.rules import Principal

ONCE_LIMIT = 64
TEXTS = ("query", "system_prompt", "model_override", "model_tier", "description", "prompts")
OBJECTS = ("arguments", "plan")


@require_POST
@action(scope="workflows:write")
def replay(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    try:
        made = replay_task(principal=who, task=name)
    except Conflict as error:
        messages.warning(request, f"{error}.")
        return HttpResponseRedirect(f"/tasks/{name}")
    return HttpResponseRedirect(f"/tasks/{made.id}")


@require_http_methods(["GET", "POST"])
@action(scope="workflows:write")
def fork(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        run = selectors.find_task(who.tenant_id, who.watches, str(name))
        steps = selectors.steps_of(who.tenant_id, run.id)
    places = [step for step in steps if may_fork(run, step)]
    given = request.POST if request.method == "POST" else request.GET
    asked = whole(given.get("step", ""))
    at = next((step for step in places if step.n == asked), places[-1] if places else None)
    if run.is_open or at is None:
        messages.warning(request, "A task can be forked when it has ended, at a step that has come to an end.")
        return HttpResponseRedirect(f"/tasks/{run.id}")
    before = _before(run, at)
    if request.method == "GET":
        return _form(request, run, places, at, before)
    typed = {key: request.POST.get(key, "").strip().replace("\r\n", "\n") for key in (*TEXTS, *OBJECTS)}
    try:
        step, changes = read_fork({"step": at.n, **_changed(typed, before)})
        once = f"{request.POST.get('once', '')[:ONCE_LIMIT] or secrets.token_hex()} fork"
        made = fork_task(principal=who, task=run.id, step=step, changes=changes, idempotency=once[:64])
    except (Invalid, ForkInvalid) as error:
        return _form(request, run, places, at, typed, error=error)
    return HttpResponseRedirect(f"/tasks/{made.id}")


def may_fork(run: Task, step: Step) -> bool:
    """A step of an ended run that can be where it forks."""
    ran = step.state in ("done", "failed") and step.compensates is None
    return ran and step.kind not in EVERY_RUN_ITSELF and (run.origin or {}).get("kind") != "replay"


def _before(run: Task, at: Step) -> dict[str, str]:
    """What the form begins with: as the run had it."""
    arguments = (at.input or {}).get("arguments") if at.kind == "tools.call" else None
    plan = run.context.get("plan") if at.kind in PLANS else None
    return {
        "query": run.query,
        "system_prompt": str(run.context.get("system_prompt") or ""),
        "model_override": str(run.context.get("model_override") or ""),
        "model_tier": str(run.context.get("model_tier") or ""),
        "description": at.description if at.kind == "llm.turn" else "",
        "prompts": "",
        "arguments": json.dumps(arguments, indent=2, ensure_ascii=False) if arguments is not None else "",
        "plan": json.dumps(plan, indent=2, ensure_ascii=False) if plan else "",
    }


def _changed(typed: dict[str, str], before: dict[str, str]) -> JSON:
    """
    What is left as it was, or is emptied, stays as the run had it.

    Raises:
        Invalid: what should be JSON is not.
    """
    changed: JSON = {key: text for key, text in typed.items() if text and text != before[key]}
    for key in OBJECTS:
        if key in changed:
            try:
                changed[key] = json.loads(changed[key])
            except ValueError as error:
                raise Invalid(field=key, message=f"is not JSON: {error}") from None
    return changed


def _form(
    request: HttpRequest,
    run: Task,
    places: list[Step],
    at: Step,
    typed: dict[str, str],
    *,
    error: Invalid | ForkInvalid | None = None,
) -> HttpResponse:
    field = getattr(error, "field", "step") if error else ""
    context: dict[str, Any] = {
        "task": run,
        "forkable": places,
        "at": at,
        "plans": at.kind in PLANS,
        "typed": typed,
        "tiers": TIERS,
        "error": str(error).removeprefix(f"{field}: ") if error else "",
        "field": field.split(".")[0],
        "description_chars": DESCRIPTION_LIMIT_CHARS,
        "arguments_chars": ARGUMENTS_LIMIT_CHARS,
        "prompt_chars": PROMPT_LIMIT_CHARS,
        "once": secrets.token_hex(16),
    }
    return render(request, "travel/fork.html", context, status=400 if error else 200)


@page(scope="workflows:read")
def comparison(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    task = selectors.find_task(who.tenant_id, who.watches, str(name))
    found = compare(tenant=who.tenant_id, viewer=who.watches, fork=task)
    context = {
        "task": task,
        "found": found,
        "changed": (task.origin or {}).get("changed", {}),
        "then_answer": _answer(found.then.task),
        "now_answer": _answer(found.now.task),
    }
    return shown(request, "travel/comparison.html", context)


def _answer(task: Task) -> str:
    files = {file["filename"]: f"/tasks/{task.id}/files/{file['id']}" for file in task.artifacts}
    return formatted(task.result, files) if task.result else ""
