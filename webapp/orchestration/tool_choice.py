"""
Which tools the agents of a task may call, and what is called before they begin: as a task or its plan says. Pure.

Calls that are made first are steps like any other, in front of the agent that they are for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from webapp.common.values import JSON
from webapp.orchestration.steps import NewStep

TOOL = re.compile(r"[A-Za-z0-9_.-]{1,64}")
ALLOWED_LIMIT = 200
FORCED_LIMIT = 8
FORCED = "forced_tools"  # of an agent's step, until its calls are steps themselves
DATASET = "dataset_url"  # of a task: what lies there is among the session's files before its agents begin
DOWNLOAD = "web_download"
NAMES: JSON = {  # as OpenAPI tells it
    "type": "array",
    "maxItems": ALLOWED_LIMIT,
    "items": {"type": "string", "pattern": f"^{TOOL.pattern}$"},
}
CALLS: JSON = {
    "type": "array",
    "maxItems": FORCED_LIMIT,
    "items": {
        "type": "object",
        "required": ["tool"],
        "properties": {"tool": {"type": "string", "pattern": f"^{TOOL.pattern}$"}, "arguments": {"type": "object"}},
        "additionalProperties": False,
    },
}


class ToolChoiceInvalid(ValueError):
    """The message says what is wrong, without the name of the field."""


def names_given(given: Any) -> list[str]:
    """
    Raises:
        ToolChoiceInvalid
    """
    if not isinstance(given, list) or not all(isinstance(name, str) and TOOL.fullmatch(name) for name in given):
        raise ToolChoiceInvalid("must be a list of tools' names")
    if len(given) > ALLOWED_LIMIT:
        raise ToolChoiceInvalid(f"has {len(given)} names; the limit is {ALLOWED_LIMIT}")
    return list(dict.fromkeys(given))


def calls_given(given: Any) -> list[JSON]:
    """
    `[{"tool", "arguments"}]`.

    Raises:
        ToolChoiceInvalid
    """
    if not isinstance(given, list):
        raise ToolChoiceInvalid("must be a list of calls, each with a tool and its arguments")
    if len(given) > FORCED_LIMIT:
        raise ToolChoiceInvalid(f"has {len(given)} calls; the limit is {FORCED_LIMIT}")
    return [_call_given(call, number) for number, call in enumerate(given, 1)]


def _call_given(call: Any, number: int) -> JSON:
    if not isinstance(call, dict) or set(call) - {"tool", "arguments"}:
        raise ToolChoiceInvalid(f"call {number}: must be an object with tool and arguments")
    tool, arguments = call.get("tool"), call.get("arguments", {})
    if not isinstance(tool, str) or not TOOL.fullmatch(tool):
        raise ToolChoiceInvalid(f"call {number}: tool must be the name of a tool")
    if not isinstance(arguments, dict):
        raise ToolChoiceInvalid(f"call {number}: arguments must be an object")
    return {"tool": tool, "arguments": arguments}


def tools_named(steps: Sequence[NewStep], context: Mapping[str, Any]) -> list[tuple[str, JSON | None]]:
    """All that are allowed or called first, the latter with their arguments; `steps` as their plan was read."""
    named: list[tuple[str, JSON | None]] = [(name, None) for name in context.get("allowed_tools") or ()]
    named += [(call["tool"], call["arguments"]) for call in context.get(FORCED) or ()]
    named += [(DOWNLOAD, {"url": context[DATASET]})] if context.get(DATASET) else []
    for step in steps:
        named += [(name, None) for name in step.input.get("tools", ())]
        named += [(call["tool"], call["arguments"]) for call in step.input.get(FORCED, ())]
    return named


def calls_named(context: Mapping[str, Any]) -> bool:
    """Whether the task says itself what is called and with which arguments, so that no agent chooses."""
    steps = context["plan"]["steps"] if context.get("plan") else ()
    return bool(context.get(FORCED)) or any(
        step.get("kind") == "tool" or step.get(FORCED) or isinstance(step.get("compensate"), dict) for step in steps
    )


def with_tools(steps: Sequence[NewStep], context: Mapping[str, Any]) -> list[NewStep]:
    """
    The plan's steps, with the tools that the task allows on each agent, and a step for each call that is made first: those
    of the task before everything, those of an agent before it, when it could start. The last stays the last.

    Without its data set a task fails; of what failed otherwise, the agents read.
    """
    first = [*_dataset(context.get(DATASET)), *_calls("first", context.get(FORCED) or ())]
    join: Literal["all", "settled"] = "all" if context.get(DATASET) else "settled"
    names = [call.agent for call in first]
    made, place = first, dict[int, int]()
    for position, step in enumerate(steps):
        step = replace(step, after=tuple(place[before] for before in step.after))
        if first and not step.after:
            step = replace(step, after=tuple(range(len(first))), join=join)
        if step.kind == "llm.turn":
            step = _chosen(step, context.get("allowed_tools"))
            step, calls = _apart(step, names)
            made = [*made, *calls]
            if calls:
                step = replace(step, after=tuple(range(len(made) - len(calls), len(made))), join="all", quorum=None)
        place[position] = len(made)
        made = [*made, step]
    return made


def _chosen(step: NewStep, allowed: Sequence[str] | None) -> NewStep:
    """What the task allows bounds what the plan does."""
    if allowed is None:
        return step
    own = step.input.get("tools", allowed)
    return replace(step, input={**step.input, "tools": [name for name in own if name in allowed]})


def _apart(step: NewStep, names: Sequence[str]) -> tuple[NewStep, list[NewStep]]:
    """The agent, and the calls that are made before it; they wait for what it would have waited for."""
    given = {name: value for name, value in step.input.items() if name != FORCED}
    as_agent: JSON = {"after": step.after, "join": step.join, "quorum": step.quorum, "delay_s": step.delay_s}
    undone = {"compensate": True} if step.input.get("compensate") else {}
    calls = [
        replace(call, input=call.input | undone, **as_agent) for call in _calls(step.agent, step.input.get(FORCED, ()))
    ]
    needs = [*names, *(call.agent for call in calls), *given.get("needs", ())]
    agent = replace(step, input={**given, "needs": needs})
    return (replace(agent, delay_s=0.0) if calls else agent), calls


def _dataset(url: str | None) -> Iterator[NewStep]:
    for call in _calls("dataset", [{"tool": DOWNLOAD, "arguments": {"url": url}}] if url else []):
        tried = {"strict": True, "on_failure": {"web_search": "retry"}}
        yield replace(call, description="Download the data set", input={**call.input, **tried})


def _calls(before: str, given: Sequence[JSON]) -> Iterator[NewStep]:
    """Named by a character that no id of a plan has."""
    for number, call in enumerate(given, 1):
        name, raw = f"{before}~{number}", json.dumps(call["arguments"], ensure_ascii=False)
        asked = {"call_id": name, "tool": call["tool"], "arguments": call["arguments"], "raw": raw}
        yield NewStep("tools.call", name, f"Call {call['tool']} first", asked)
