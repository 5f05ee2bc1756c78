"""What follows a turn that asked for tools: its calls side by side, then the next turn. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from webapp.common.errors import HartleyError
from webapp.orchestration.steps import ClaimedStep, NewStep
from workers.gateway.types import ToolCall
from workers.toolbox.errors import ToolUnknown
from workers.toolbox.registry import Registry


class TooManySteps(HartleyError):
    """The task would grow beyond the limit of steps; nothing is added."""

    code = "task.too_many_steps"

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"The task would have more than {limit} steps")


def next_steps(step: ClaimedStep, calls: Sequence[ToolCall], tools: Registry) -> list[NewStep]:
    """
    One step per call, and one for the next turn, which is the last of the list.

    A tool that acts on the world has a policy step of its own before it, on the policy queue.
    """
    grown: list[NewStep] = []
    ends: list[int] = []
    for call in calls:
        action = NewStep("tools.call", step.agent, f"{call.name}", _input(call) | asked_of_tools(step))
        if _acts(call, tools):
            grown.append(replace(action, kind="policy.tool", description=f"May {call.name} act?"))
            action = replace(action, after=(len(grown) - 1,))
        grown.append(action)
        ends.append(len(grown) - 1)
    following = {**step.input, "turn": step.input["turn"] + 1}
    return [*grown, NewStep("llm.turn", step.agent, step.description, following, tuple(ends), join="settled")]


def asked_of_tools(step: ClaimedStep) -> dict[str, object]:
    """What the plan asks of the agent's calls, too."""
    return {"compensate": True} if step.input.get("compensate") else {}


def _input(call: ToolCall) -> dict[str, object]:
    arguments = None if call.arguments is None else dict(call.arguments)
    return {"call_id": call.id, "tool": call.name, "arguments": arguments, "raw": call.raw}


def _acts(call: ToolCall, tools: Registry) -> bool:
    try:
        return tools.get(call.name).effect == "acts"
    except ToolUnknown:
        return False  # the call itself answers that there is no such tool
