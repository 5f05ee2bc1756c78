"""What MCP clients can do besides calling tools: submit tasks, look at them, cancel them. With the caller's own scopes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from django.conf import settings

from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Task
from webapp.api.limits import count
from webapp.api.places import place
from webapp.api.presenters import moment, status_of, task_row, usage_of
from webapp.api.submission import SUBMISSION, read_submission
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration import submit
from webapp.orchestration.control import cancel_task
from webapp.progress.hub import hub, in_thread
from webapp.tenants.rules import Principal

WAIT_LIMIT_S = 60
LISTED_LIMIT = 50
ASKED = ("query", "session_id", "mode", "model_tier", "max_cost_usd", "deadline_s")  # of what a submission may say
NAMED: JSON = {"task_id": {"type": "string", "minLength": 1, "maxLength": 128}}


@dataclass(frozen=True)
class Offer:
    """
    Args:
        parameters: JSON schema; arguments are checked against it before `run`.
        reads: it changes nothing.
    """

    name: str
    description: str
    scope: str
    parameters: JSON
    run: Callable[[Principal, JSON], Awaitable[JSON]]
    reads: bool = False


def count_call(who: Principal) -> None:
    """
    What begins work counts against the caller's rate, as over the API.

    Raises:
        RateLimited
    """
    count(f"{who.key_id or who.user_id}", settings.RATE_LIMITS[who.tier], time.time())


async def submit_task(who: Principal, asked: JSON) -> JSON:
    def submitted() -> JSON:
        count_call(who)
        task = submit.submit_task(principal=who, submission=read_submission(asked))
        return {"task_id": str(task.id), "status": status_of(task)}

    return await in_thread(submitted)


async def get_task(who: Principal, asked: JSON) -> JSON:
    task = await in_thread(partial(_find, who, asked["task_id"]))
    if task.is_open and asked.get("wait_s"):
        with place(who.user_id):
            task = await _waited(who, task, time.monotonic() + asked["wait_s"])
    return _told(task)


async def _waited(who: Principal, task: Task, deadline: float) -> Task:
    """As it is when it has ended, or when the time is over."""
    with hub().awaiting(task.id) as awaited:
        while task.is_open and (left_s := deadline - time.monotonic()) > 0:
            if await awaited.look(min(left_s, settings.SSE_POLL_S)):
                task = await in_thread(partial(_find, who, str(task.id)))
    return task


async def list_tasks(who: Principal, asked: JSON) -> JSON:
    def listed() -> JSON:
        with tenant_scope(who.tenant_id):
            tasks = selectors.tasks_of(who.tenant_id, who.user_id)[: asked.get("limit", 20)]
            return {"tasks": [task_row(task) for task in tasks]}

    return await in_thread(listed)


async def cancel(who: Principal, asked: JSON) -> JSON:
    def cancelled() -> JSON:
        task = _find(who, asked["task_id"])
        done = cancel_task(principal=who, task=task.id, reason=asked.get("reason", ""))
        return {"task_id": str(task.id), "cancelled": done}

    return await in_thread(cancelled)


def _find(who: Principal, name: str) -> Task:
    """
    Raises:
        NotFound: also for another's.
    """
    with tenant_scope(who.tenant_id):
        return selectors.find_task(who.tenant_id, who.watches, name)


def _told(task: Task) -> JSON:
    """`{"task_id": ..., "status": "TASK_STATUS_COMPLETED", "done": true, "result": "...", "error": null, ...}`"""
    return {
        "task_id": str(task.id),
        "status": status_of(task),
        "done": not task.is_open,
        "query": task.query,
        "result": task.result,
        "error": task.error["message"] if task.error else None,
        "error_code": task.error["code"] if task.error else None,
        "waits_for": task.pause_reason or None,
        "usage": usage_of(task),
        "created_at": moment(task.created_at),
        "completed_at": moment(task.finished_at),
    }


def _object(properties: JSON, *required: str) -> JSON:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


OFFERS = {
    offer.name: offer
    for offer in (
        Offer(
            "submit_task",
            "Submits a task to Hartley's agents and returns its id at once; get_task tells how it goes.",
            "workflows:write",
            _object({name: SUBMISSION["properties"][name] for name in ASKED}, "query"),
            submit_task,
        ),
        Offer(
            "get_task",
            "Tells a task's status and, once it has ended, its result or error. With wait_s it waits that long for the end.",
            "workflows:read",
            _object({**NAMED, "wait_s": {"type": "number", "minimum": 0, "maximum": WAIT_LIMIT_S}}, "task_id"),
            get_task,
            reads=True,
        ),
        Offer(
            "list_tasks",
            "Lists the caller's own tasks, the newest first.",
            "workflows:read",
            _object({"limit": {"type": "integer", "minimum": 1, "maximum": LISTED_LIMIT, "default": 20}}),
            list_tasks,
            reads=True,
        ),
        Offer(
            "cancel_task",
            "Cancels a task that has not ended.",
            "workflows:write",
            _object({**NAMED, "reason": {"type": "string", "maxLength": 1000}}, "task_id"),
            cancel,
        ),
    )
}
