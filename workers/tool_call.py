"""One tool call of an agent, through the gate. Whatever goes wrong is a value that the agent sees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from django.conf import settings

from policies import inputs
from sandbox.errors import NoRoom, SandboxError, TooManyWait
from sandbox.process import Heard
from webapp.agent_tasks.models import Content
from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, Granted, HoldRequest, Settlement, event
from webapp.workspaces.errors import BytesLost, StoreUnavailable
from workers import context, decide, session_files, undoing
from workers.beats import Beats
from workers.context import TaskContext
from workers.deltas import Printer
from workers.gate import Call, CallTimeout, pass_gate
from workers.options import Options
from workers.policy_inputs import principal_of, task_of
from workers.services import services
from workers.tenant_tools import tools_of
from workers.tool_limits import ToolRefused, ToolTimeout, check_tokens, seconds, within_limits
from workers.tool_once import Wanted, result_once
from workers.toolbox.errors import ToolUnknown
from workers.toolbox.registry import Artifact, Registry, Tool, ToolContext, ToolResult
from workers.toolbox.shaping import Room, shaped

SHOWN_LIMIT_CHARS = 2000
OUTPUT_SHARE = 0.8  # of what a step may record is a tool's result; the rest is for the files that it made
LEAST_FUEL = 10_000_000  # of which a short program needs a part; less is not worth a start


class SandboxUnavailable(HartleyError):
    """The platform's fault, so the step is tried again."""

    code = "sandbox.unavailable"
    kind = "resource"


class SandboxBusy(SandboxUnavailable):
    """As many runs of this tenant wait as may."""

    code = "rate_limit_exceeded"


class SandboxFull(SandboxUnavailable):
    """The machine had no memory or disk for the run in time."""

    code = "request_timeout"


UNAVAILABLE: dict[type[SandboxError], type[SandboxUnavailable]] = {TooManyWait: SandboxBusy, NoRoom: SandboxFull}


def tool_input(step: ClaimedStep, task: TaskContext, tools: Registry) -> JSON:
    """What the policy decides a tool call on. An unknown tool has no rights and no effect that could be allowed."""
    name, arguments = step.input["tool"], step.input["arguments"] or {}
    try:
        tool = tools.get(name)
    except ToolUnknown:
        shape = inputs.tool(name=name, effect="acts", dangerous=True, permissions=[], arguments=arguments)
    else:
        shape = inputs.tool(
            name=name,
            effect=tool.effect,
            dangerous=tool.dangerous,
            permissions=sorted(tool.permissions),
            arguments=arguments,
        )
    return dict(inputs.tool_call(principal=principal_of(step), task=task_of(step, task), tool=shape))


async def call_tool(
    step: ClaimedStep, beats: Beats, *, decided: decide.Decision | None
) -> tuple[ToolResult, list[JSON]]:
    """
    Returns the tool's result and references to the files it made, which are stored by then.

    Raises:
        ToolUnknown, ArgumentsInvalid, PolicyDenied, BudgetExceeded, ToolRefused: nothing ran.
        ToolTimeout: it ran too long and was stopped.
        StepLost: another attempt has the step; what this one changed in the session's files is not saved.
    """
    tools = await tools_of(step.tenant, step.input["tool"])
    tool = tools.get(step.input["tool"])
    task = await context.read(step, context.task_context)
    files = await context.read(step, context.file_bytes)
    arguments = step.input["arguments"]
    earlier = None if beats.replays else await session_files.saved_before(step)
    hold = _hold(tool, beats.next_call())
    printer = Printer(step, tool.name)

    async def send(granted: Granted) -> ToolResult:
        if earlier:
            beats.settle(Settlement(sent=False, call=hold.call))
            return earlier.result

        async def run() -> ToolResult:
            beats.sending(hold.call)
            return await _run(step, tool, _tool_context(step, files, granted, printer.say))

        beats.waiting(hold.call)
        try:
            result = await within_limits(services().tool_guards.of(tool, step.tenant), tool, granted, run)
        except (ToolRefused, SandboxUnavailable, StoreUnavailable, BytesLost) as error:
            beats.settle(Settlement(sent=False, call=hold.call, error=error.code))
            raise
        finally:
            printer.stop()
        beats.settle(Settlement(sent=True, usage=_usage(tool, result, granted), call=hold.call))
        return result

    def validate() -> None:
        tools.validate(tool.name, arguments)
        check_tokens(tool, arguments)

    call = Call(
        point="tool_call",
        subject=tool.name,
        policy_input=tool_input(step, task, tools),
        timeout_s=seconds(tool),
        hold=hold,
        validate=validate,
        announce=[_invoked(step, tool)],
        decided=decided,
        send=send,
    )
    wanted = Wanted(tool, arguments, files, call, allowed=Options.of_task(task.context).use_cache)
    result = await result_once(wanted, beats, partial(_called, call, beats))
    made = earlier.made if earlier else await context.read(step, lambda s: _store(s, result.artifacts))
    if result.takes_back:
        result = await session_files.take_back(step)
    elif result.changed or result.deleted:
        result = await _kept(step, tool, result, made)
    return shaped(tool, result, _room()), made


async def _kept(step: ClaimedStep, tool: Tool, result: ToolResult, made: Sequence[JSON]) -> ToolResult:
    """A call that failed is not undone, so it leaves nothing where its step must leave nothing."""
    if undoing.is_asked(step) and not result.ok:
        return session_files.unsaved(result)
    return await session_files.save(step, result, made, undo=undoing.files_undo_of(step, tool, result))


def _room() -> Room:
    return Room(settings.TOOL_OUTPUT_CHARS, int(OUTPUT_SHARE * settings.OUTPUT_LIMIT_BYTES))


async def _called(call: Call[ToolResult], beats: Beats) -> ToolResult:
    try:
        return await pass_gate(call, beats)
    except CallTimeout as error:  # the budgets grant less time than the tool may take
        raise ToolTimeout.of(error) from None


async def _run(step: ClaimedStep, tool: Tool, given: ToolContext) -> ToolResult:
    """
    Raises:
        SandboxUnavailable, StoreUnavailable, BytesLost: nothing ran.
    """
    try:
        if tool.uses_workspace:
            given = replace(given, workspace=await session_files.given(step, services().sandbox.limits))
        return await tool.run(step.input["arguments"], given)
    except session_files.WorkspaceTooLarge as error:
        return ToolResult.failure(error.code, str(error))
    except SandboxError as error:
        raise UNAVAILABLE.get(type(error), SandboxUnavailable)(str(error)) from None


def _hold(tool: Tool, number: int) -> HoldRequest:
    """A tool's price is known beforehand; how long it takes is not."""
    return HoldRequest(
        purpose="tool",
        provider="",
        model=tool.name,
        fixed_usd=tool.price_usd,
        seconds=seconds(tool),
        least_seconds=min(1, tool.timeout_s),
        fuel=tool.fuel,
        least_fuel=min(LEAST_FUEL, tool.fuel),
        tool_calls=1,
        call=number,
    )


def _usage(tool: Tool, result: ToolResult, granted: Granted) -> JSON:
    """Of what nobody counted, all that was granted is taken as used; where nothing was limited, nothing."""
    used = result.fuel if granted.fuel is not None else 0
    return {"usd": str(result.cost_usd or tool.price_usd), "fuel": granted.fuel if used is None else used}


def _tool_context(step: ClaimedStep, files: dict[str, bytes], granted: Granted, say: Heard) -> ToolContext:
    return ToolContext(
        tenant_id=str(step.tenant),
        task_id=str(step.task),
        step=step.n,
        attempt=step.fence,
        idempotency_key=step.idempotency_key,
        files=files,
        sandbox=services().sandbox,
        web=services().web,
        fuel=granted.fuel,
        say=say,
        window=_window(step),
    )


def _window(step: ClaimedStep) -> str:
    """An agent has its own; calls that no agent makes, but a plan or a person, share that of their session."""
    return str(step.session) if step.input.get("strict") else f"{step.session}/{step.task}/{step.agent}"


def _invoked(step: ClaimedStep, tool: Tool) -> JSON:
    shown = {key: str(value)[:SHOWN_LIMIT_CHARS] for key, value in (step.input["arguments"] or {}).items()}
    return event(
        "TOOL_INVOKED",
        agent=step.agent,
        message=f"Calls {tool.name}",
        payload={"step": step.n, "tool": tool.name, "params": shown, "attempt": step.fence},
    )


def _store(step: ClaimedStep, artifacts: Sequence[Artifact]) -> list[JSON]:
    """Content-addressed, so that a second attempt stores nothing twice."""
    references = []
    for artifact in artifacts:
        sha256 = hashlib.sha256(artifact.data).hexdigest()
        Content.objects.get_or_create(
            tenant_id=step.tenant,
            sha256=sha256,
            defaults={"media_type": artifact.media_type, "data": artifact.data},
        )
        references.append(
            {
                "id": sha256,
                "filename": artifact.name,
                "media_type": artifact.media_type,
                "size_bytes": len(artifact.data),
            }
        )
    return references
