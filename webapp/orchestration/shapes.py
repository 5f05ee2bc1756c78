"""What a task's shape makes expect: which model calls, how long their prompts and answers. Pure; quoting.py corrects it.

The sizes are rules of thumb. They need not be right, only alike for tasks that are alike: a quote scales them by what the
tenant's own tasks took.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.agent_sessions.window import CHARS_PER_TOKEN
from webapp.common.values import JSON
from webapp.orchestration import complexity
from webapp.orchestration.manual import read_plan
from webapp.orchestration.plan import Plan, Subtask, agent_steps
from webapp.orchestration.steps import NewStep
from webapp.orchestration.tool_choice import with_tools

FRAME = 8  # tokens around each message
OURS = 600  # of an agent's prompt: its role, and the tools
WRITING = 150  # of the planner's and the editor's prompt
CALLED = 250  # an agent asks for a tool
FOUND = 300  # what the tool says
PLANNED, ANSWERED, WRITTEN, COMPLETED = 200, 400, 600, 300  # tokens of an answer
PER_FILE = 120  # of which the beginning is shown
PER_PART = 1000  # an image or file in a completion's messages
FIRST_S, PER_TOKEN_S, TOOL_S = 1.0, 1 / 60, 1.0


@dataclass(frozen=True)
class Shape:
    """Tokens of all calls together; `duration_s` along the longest path."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    duration_s: float

    def after(self, first: Shape) -> Shape:
        return Shape(
            self.calls + first.calls,
            self.prompt_tokens + first.prompt_tokens,
            self.completion_tokens + first.completion_tokens,
            self.duration_s + first.duration_s,
        )


def of_task(query: str, mode: str, context: JSON, files: int) -> Shape:
    """
    Args:
        context: with `plan`, that plan's steps count and not the mode.
        files: how many are attached.
    """
    told = tokens_of(str(context.get("system_prompt") or ""))
    asked = tokens_of(query) + files * PER_FILE + told
    if "plan" in context:
        planned = read_plan(context["plan"], limit=len(context["plan"]["steps"]))
        return _of_steps(with_tools(planned, context), asked, files)
    agents = complexity.AGENTS[mode]
    alike = Plan(tuple(Subtask(f"a{nr}", query[:1]) for nr in range(agents)))  # each is told the whole question
    worked = _of_steps(with_tools(agent_steps(alike), context), asked, files)
    return worked if mode == "simple" else worked.after(_call(asked + WRITING, PLANNED))


def of_completion(asked: JSON) -> Shape:
    """Args: asked: the step's input: messages, tools, options."""
    prompt = sum(FRAME + _message(message) for message in asked["messages"])
    if asked["tools"]:
        prompt += tokens_of(json.dumps(asked["tools"]))
    most = asked["options"].get("max_tokens")
    return _call(prompt, min(COMPLETED, most or COMPLETED))


def tokens_of(text: str) -> int:
    return len(text) // CHARS_PER_TOKEN


def _of_steps(steps: Sequence[NewStep], asked: int, files: int) -> Shape:
    """Each step ends after those it depends on; what all of them take is added up."""
    ends: list[float] = []
    total = Shape(0, 0, 0, 0.0)
    for step in steps:
        one = _of_step(step, asked, files)
        total = one.after(total)
        ends.append(one.duration_s + step.delay_s + max((ends[parent] for parent in step.after), default=0.0))
    return Shape(total.calls, total.prompt_tokens, total.completion_tokens, max(ends))


def _of_step(step: NewStep, asked: int, files: int) -> Shape:
    needed = len(step.after) * ANSWERED
    if step.kind == "llm.turn":
        return _agent(OURS + asked + needed + tokens_of(step.description), turns=3 if files else 2)
    if step.kind == "llm.synthesise":
        return _call(WRITING + asked + needed, WRITTEN)
    return Shape(0, 0, 0, TOOL_S if step.kind == "tools.call" else 0.0)


def _agent(prompt: int, *, turns: int) -> Shape:
    """Asks for a tool, reads what it found, and at last answers; each turn is told all that was before."""
    shape = _call(prompt + (turns - 1) * (CALLED + FOUND), ANSWERED)
    for turn in range(turns - 1):
        shape = shape.after(_call(prompt + turn * (CALLED + FOUND), CALLED)).after(Shape(0, 0, 0, TOOL_S))
    return shape


def _call(prompt_tokens: int, completion_tokens: int) -> Shape:
    return Shape(1, prompt_tokens, completion_tokens, FIRST_S + completion_tokens * PER_TOKEN_S)


def _message(message: Mapping[str, Any]) -> int:
    parts = message.get("parts") or ()
    if not parts:
        return tokens_of(message.get("content") or "")
    return sum(tokens_of(part["text"]) if part["type"] == "text" else PER_PART for part in parts)
