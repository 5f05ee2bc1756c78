"""Time travel over HTTP: replay a run, fork it at a step, compare a fork with its run."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Task
from webapp.api import presenters
from webapp.api.bodies import an_object
from webapp.api.idempotency import idempotent, place_of
from webapp.api.submission import PROVIDERS, TIERS, check_size, one_of, plan_of, query_of, text_of
from webapp.api.tasks import caller, ids_of, named_task
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration.comparison import Brought, Comparison, Pair, Side, compare, report_of
from webapp.orchestration.manual import PLAN
from webapp.orchestration.plan import DESCRIPTION_LIMIT_CHARS
from webapp.orchestration.travel import IN_FORCE, Changes, fork_task, replay_task

ARGUMENTS_LIMIT_CHARS = 100_000
PROMPT_LIMIT_CHARS = 20_000
FORK: JSON = {  # as OpenAPI tells it; what counts is read_fork
    "type": "object",
    "required": ["step"],
    "properties": {
        "step": {"type": "integer", "minimum": 1, "maximum": settings.STEPS_LIMIT},
        "query": {"type": "string", "minLength": 1, "maxLength": settings.QUERY_LIMIT_CHARS},
        "system_prompt": {"type": "string", "maxLength": PROMPT_LIMIT_CHARS},
        "model_override": {"type": "string", "maxLength": 120},
        "model_tier": {"enum": list(TIERS)},
        "provider_override": {"enum": list(PROVIDERS)},
        "plan": PLAN,
        "description": {"type": "string", "minLength": 1, "maxLength": DESCRIPTION_LIMIT_CHARS},
        "arguments": {"type": "object"},
        "prompts": {"enum": [IN_FORCE]},
    },
}


def read_fork(body: Any) -> tuple[int, Changes]:
    """
    Raises:
        Invalid: the first field that breaks a rule.
    """
    body = an_object(body)
    if unknown := set(body) - set(FORK["properties"]):
        raise Invalid(field=str(min(unknown))[:40], message="is not among what a fork can change")
    step = body.get("step")
    if isinstance(step, bool) or not isinstance(step, int) or not 1 <= step <= settings.STEPS_LIMIT:
        raise Invalid(field="step", message=f"must be the number of a step, from 1 to {settings.STEPS_LIMIT}")
    return step, Changes(
        query=query_of(body, False) if body.get("query") is not None else None,
        system_prompt=_prose(body, "system_prompt", PROMPT_LIMIT_CHARS),
        model_override=text_of(body, "model_override"),
        model_tier=one_of(body, "model_tier", TIERS),
        provider_override=one_of(body, "provider_override", PROVIDERS),
        plan=_plan(body),
        description=_prose(body, "description", DESCRIPTION_LIMIT_CHARS),
        arguments=_arguments(body),
        prompts=one_of(body, "prompts", (IN_FORCE,)),
    )


def _prose(body: JSON, field: str, most: int) -> str | None:
    value = body.get(field)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise Invalid(field=field, message="must be a text that is not empty")
    if len(value) > most:
        raise Invalid(field=field, message=f"has {len(value)} characters; the limit is {most}")
    return value.replace("\0", "").strip()


def _plan(body: JSON) -> JSON | None:
    found = plan_of(body, "plan")
    check_size("plan", found)
    return found.get("plan")


def _arguments(body: JSON) -> JSON | None:
    value = body.get("arguments")
    if value is not None and not isinstance(value, dict):
        raise Invalid(field="arguments", message="must be an object")
    if value is not None and len(str(value)) > ARGUMENTS_LIMIT_CHARS:
        raise Invalid(field="arguments", message=f"are too long; the limit is {ARGUMENTS_LIMIT_CHARS} characters")
    return value


class ReplayTask(APIView):
    """A task of its own, whose answer is the report."""

    scopes: ClassVar = {"POST": "workflows:write"}
    bodies: ClassVar = {"POST": {"type": "object"}}

    @idempotent
    def post(self, request: Request, name: str) -> Response:
        run = named_task(request, name)
        made = replay_task(principal=caller(request), task=run.id, idempotency=place_of(request))
        return _started(made, run)


class ForkTask(APIView):
    scopes: ClassVar = {"POST": "workflows:write"}
    bodies: ClassVar = {"POST": FORK}

    @idempotent
    def post(self, request: Request, name: str) -> Response:
        run = named_task(request, name)
        step, changes = read_fork(request.data)
        made = fork_task(
            principal=caller(request), task=run.id, step=step, changes=changes, idempotency=place_of(request)
        )
        return _started(made, run)


class CompareTask(APIView):
    """
    A fork beside its run: answers, tokens, cost and time, and each step that ran anew.

    Of a replay: its report, `{"task", "steps", "served", "left_out", "model_calls", "count", "differences": [{"step",
    "kind", "agent", "what", "then", "now"}]}`; 409 until it has ended.
    """

    scopes: ClassVar = {"GET": "workflows:read"}
    unlimited: ClassVar = frozenset({"GET"})

    def get(self, request: Request, name: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            task = selectors.find_task(who.tenant_id, who.watches, name)
            if (task.origin or {}).get("kind") == "replay":
                return Response(report_of(who.tenant_id, task))
            return Response(comparison_body(compare(tenant=who.tenant_id, viewer=who.watches, fork=task)))


def comparison_body(found: Comparison) -> JSON:
    return {
        "task_id": str(found.now.task.id),
        "forked_from": str(found.then.task.id),
        "step": found.at,
        "changed": (found.now.task.origin or {}).get("changed", {}),
        "then": _side(found.then),
        "now": _side(found.now),
        "served": {"steps": found.served, "tokens": found.saved.tokens, "cost_usd": float(found.saved.usd)},
        "steps": [_pair(pair) for pair in found.anew],
    }


def _side(side: Side) -> JSON:
    return {
        "task_id": str(side.task.id),
        "status": presenters.status_of(side.task),
        "result": side.task.result,
        "tokens": side.tokens,
        "cost_usd": float(side.task.cost_usd),
        "duration_s": side.duration_s,
    }


def _pair(pair: Pair) -> JSON:
    step = pair.any.step
    sides = {"then": _brought(pair.then), "now": _brought(pair.now)}
    return {"kind": step.kind, "agent": step.agent, "same": pair.same, **sides}


def _brought(brought: Brought | None) -> JSON | None:
    if brought is None:
        return None
    return {
        "n": brought.step.n,
        "state": brought.step.state,
        "agent_state": brought.agent_state,
        "text": brought.text,
        "tokens": brought.spent.tokens,
        "cost_usd": float(brought.spent.usd),
        "duration_s": brought.took_s,
    }


def _started(made: Task, run: Task) -> Response:
    body = {
        "task_id": str(made.id),
        "workflow_id": str(made.id),
        "origin": {**(made.origin or {}), "task": str(run.id)},
        "status": "STATUS_CODE_OK",
        "created_at": presenters.moment(made.created_at),
    }
    return Response(body, status=201, headers=ids_of(made))
