"""What MCP clients are offered and answered: tasks, and every tool that the caller may execute directly."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any, cast

import structlog
from django.conf import settings
from jsonschema import Draft202012Validator
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import ValidationError

from webapp.api.submission import session_of
from webapp.api.tool_calls import Refused, answer_of, cancel, ended
from webapp.api.tools import named_tool, read_arguments
from webapp.common.errors import HartleyError, Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.mcp.offers import OFFERS, Offer, count_call
from webapp.orchestration.tool_runs import run_tool
from webapp.orchestration.tools import KnownTool, tools_of
from webapp.progress.hub import in_thread
from webapp.tenants.rules import Principal

log = structlog.get_logger()
PRINCIPAL = "hartley.principal"  # in the ASGI scope
EXECUTE = "agents:execute"
INSTRUCTIONS = (
    "Hartley runs AI agents. submit_task gives its agents a task, get_task tells how it goes and what came of it. "
    "The other tools are Hartley's own and the tenant's: each call is decided by policy, paid from a budget and recorded."
)
Context = ServerRequestContext[Any, Any]


def make_server() -> Server[Any]:
    server: Server[Any] = Server(
        "hartley",
        version=settings.VERSION,
        title="Hartley",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    server.middleware.append(_contained)
    return server


async def list_tools(context: Context, asked: PaginatedRequestParams | None) -> ListToolsResult:
    who = _caller(context)
    offers = [_offered(offer) for offer in OFFERS.values() if who.may(offer.scope)]
    tools = await in_thread(partial(_callable, who)) if who.may(EXECUTE) else []
    return ListToolsResult(tools=[*offers, *(_shown(tool) for tool in tools)])


async def call_tool(context: Context, asked: CallToolRequestParams) -> CallToolResult:
    """What went wrong is a result that says so: the client's model reads it and goes on."""
    who, arguments = _caller(context), asked.arguments or {}
    try:
        if offer := OFFERS.get(asked.name):
            return await _take(offer, who, arguments)
        return await _execute(context, who, asked.name, arguments)
    except HartleyError as error:
        if error.status >= 500:
            raise
        return _failed(error.code, str(error))


async def _contained(ctx: Context, call_next: CallNext) -> HandlerResult:
    """What breaks on our side is logged and told to nobody; the SDK would send its words."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):  # the client's doing
        raise
    except Exception:
        log.exception("mcp.failed", method=ctx.method)
        raise MCPError(INTERNAL_ERROR, "Internal error") from None


async def _take(offer: Offer, who: Principal, arguments: JSON) -> CallToolResult:
    """
    Raises:
        ScopeMissing, Invalid, NotFound, RateLimited
    """
    who.require(offer.scope)
    given = read_arguments(arguments)
    for fault in Draft202012Validator(offer.parameters).iter_errors(given):
        raise Invalid(field=".".join(str(part) for part in fault.path) or "arguments", message=fault.message[:300])
    found = await offer.run(who, given)
    return _succeeded(found, json.dumps(found, ensure_ascii=False))


async def _execute(context: Context, who: Principal, name: str, arguments: JSON) -> CallToolResult:
    """
    As POST /api/v1/tools/{name}/execute does it. A client that leaves cancels the call.

    Raises:
        ScopeMissing, Invalid, NotFound, ToolDangerous, RateLimited
    """
    who.require(EXECUTE)

    def begun() -> Any:
        count_call(who)
        tool, given = named_tool(who, name), read_arguments(arguments)
        return run_tool(principal=who, tool=tool, arguments=given, session=_session(context))

    task = await in_thread(begun)
    try:
        answer = answer_of(task, await ended(who, task.id))
    except asyncio.CancelledError:
        await cancel(who, task.id, "The client left")
        raise
    if isinstance(answer, Refused):
        return _failed(answer.code, answer.message)
    if not answer["success"]:
        return _failed(answer["metadata"]["error_code"], answer["error"])
    return _succeeded(answer["output"], answer["text"])


def _caller(context: Context) -> Principal:
    request: Any = context.request
    return cast(Principal, request.scope[PRINCIPAL])


def _session(context: Context) -> str | None:
    """
    Raises:
        Invalid
    """
    request: Any = context.request
    return session_of({"session_id": request.headers.get("X-Session-ID")})


def _callable(who: Principal) -> list[KnownTool]:
    with tenant_scope(who.tenant_id):
        tools = tools_of(who.tenant_id)
    return [tool for tool in tools if tool.may_be_called_by(who) and tool.name not in OFFERS]


def _offered(offer: Offer) -> Tool:
    hints = ToolAnnotations(read_only_hint=offer.reads, open_world_hint=not offer.reads)
    return Tool(name=offer.name, description=offer.description, input_schema=offer.parameters, annotations=hints)


def _shown(tool: KnownTool) -> Tool:
    hints = ToolAnnotations(read_only_hint=tool.effect == "computes", open_world_hint=tool.untrusted)
    return Tool(name=tool.name, description=tool.description, input_schema=tool.parameters, annotations=hints)


def _succeeded(found: JSON, text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)], structured_content=found)


def _failed(code: str, message: str) -> CallToolResult:
    error = {"error": {"code": code, "message": message}}
    return CallToolResult(content=[TextContent(text=message)], structured_content=error, is_error=True)
