"""The tenant's tools over HTTP: which there are, one of them, and a call of one without any agent. See docs/tools-api.md."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.agent_tasks.models import Task
from webapp.api.idempotency import place_of, told
from webapp.api.later import LATER, Head
from webapp.api.submission import session_of
from webapp.api.tasks import caller, ids_of
from webapp.api.tool_calls import Refused, answer_of, cancel, ended
from webapp.common.errors import HartleyError, Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON, storable
from webapp.orchestration.submit import submitted
from webapp.orchestration.tool_runs import run_tool
from webapp.orchestration.tools import KnownTool, find_tool, tools_of
from webapp.tenants.rules import Principal

ARGUMENTS_BYTES = 1024 * 1024
CALL: JSON = {
    "type": "object",
    "properties": {
        "arguments": {"type": "object", "default": {}, "description": "As the tool's own schema says."},
        "session_id": {"type": "string", "description": "Whose files the tool is given, when it uses them."},
    },
}


class ToolDangerous(HartleyError):
    """A person approves each call of it, which an agent asks for."""

    code = "tool.dangerous"
    status = 403

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is dangerous: only an agent's task may call it, with a person's approval of each call"
        )


class Tools(APIView):
    """The tools that can be called directly: Hartley's own, then the tenant's."""

    scopes: ClassVar = {"GET": "workflows:read"}
    queries: ClassVar = {"GET": {"category": str}}

    def get(self, request: Request) -> Response:
        tenant, category = caller(request).tenant_id, request.query_params.get("category")
        with tenant_scope(tenant):
            tools = [tool for tool in tools_of(tenant) if not tool.dangerous]
        return Response([_row(tool) for tool in tools if category in (None, "", tool.category)])


class OneTool(APIView):
    scopes: ClassVar = {"GET": "workflows:read"}

    def get(self, request: Request, tool: str) -> Response:
        return Response(_detail(named_tool(caller(request), tool)))


class ExecuteTool(APIView):
    """
    One call, without an agent. Recorded, decided and held for like every call of an agent's; a tool that fails is answered
    with `success` false.
    """

    scopes: ClassVar = {"POST": "agents:execute"}
    bodies: ClassVar = {"POST": CALL}

    def post(self, request: Request, tool: str) -> Response:
        who, (arguments, session), place = caller(request), read_call(request.data), place_of(request)
        earlier = submitted(who, place) if place else None  # also one that failed, since it may have acted
        headers = told(request, repeated=earlier is not None) if place else {}
        task = earlier or run_tool(
            principal=who, tool=named_tool(who, tool), arguments=arguments, session=session, place=place
        )
        request._request.META[LATER] = Result(who, task, stays=place is not None)
        return Response({"task_id": str(task.id)}, status=202, headers={**ids_of(task), **headers})


class Result:
    """
    Waits for the call's end. A caller who leaves before cancels it.

    Args:
        stays: the call goes on when the caller leaves, since they may come back for its result.
    """

    def __init__(self, who: Principal, task: Task, *, stays: bool) -> None:
        self._who, self._task, self._stays = who, task, stays

    async def answer(self) -> AsyncGenerator[Head | bytes, None]:
        found = answer_of(self._task, await ended(self._who, self._task.id))
        status, body, headers = (200, found, {}) if isinstance(found, dict) else _error(found)
        raw = json.dumps(body).encode()
        yield Head(status, {"content-type": "application/json", **headers}, len(raw))
        yield raw

    async def left(self) -> None:
        if not self._stays:
            await cancel(self._who, self._task.id, "The client left")


def named_tool(who: Principal, name: str) -> KnownTool:
    """
    Raises:
        NotFound: also for another tenant's.
        ToolDangerous
    """
    with tenant_scope(who.tenant_id):
        tool = find_tool(who.tenant_id, name)
    if tool.dangerous:
        raise ToolDangerous(tool.name)
    return tool


def read_call(body: Any) -> tuple[JSON, str | None]:
    """
    Arguments, and the session.

    Raises:
        Invalid
    """
    if not isinstance(body, dict):
        raise Invalid(field="body", message="must be a JSON object")
    return read_arguments(body.get("arguments")), session_of(body)


def read_arguments(given: Any) -> JSON:
    """
    Raises:
        Invalid
    """
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Invalid(field="arguments", message="must be a JSON object")
    try:
        arguments: JSON = storable(given)
        size = len(json.dumps(arguments, allow_nan=False))
    except (ValueError, RecursionError):
        raise Invalid(field="arguments", message="has a number or a depth that JSON does not have") from None
    if size > ARGUMENTS_BYTES:
        raise Invalid(field="arguments", message=f"has {size} bytes as JSON; the limit is {ARGUMENTS_BYTES}")
    return arguments


def _error(refused: Refused) -> tuple[int, JSON, dict[str, str]]:
    headers = {} if refused.retry_after_s is None else {"retry-after": str(refused.retry_after_s)}
    return refused.status, {"error": refused.message, "code": refused.code}, headers


def _row(tool: KnownTool) -> JSON:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def _detail(tool: KnownTool) -> JSON:
    """What the contract names, and what else a caller or an operator wants to know."""
    return {
        **_row(tool),
        "category": tool.category,
        "version": tool.version,
        "timeout_seconds": tool.timeout_s,
        "cost_per_use": float(tool.price_usd),
        "origin": tool.origin,
        "source": tool.source or None,
        "effect": tool.effect,
        "permissions": list(tool.permissions),
        "untrusted": tool.untrusted,
        "rate_per_minute": tool.rate_per_minute or None,
        "concurrency": tool.concurrency or None,
        "cache_s": tool.cache_s,
    }
