"""The loop of an agent: what a turn goes by, read once from its history, the task and the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, event
from workers.context import Past, TaskContext
from workers.gateway.types import Message
from workers.loop_limits import Limits, Round, Stop, limits_of, rounds_of, stop_at
from workers.loop_prompts import chars_of, closing, cut_results
from workers.offer import Offer, offer_of
from workers.toolbox.registry import Registry


@dataclass(frozen=True)
class Loop:
    """
    Attributes:
        rounds: the turns before that called tools.
        messages: what the model is told.
        stop: why no more tools may be called; None: they may.
    """

    limits: Limits
    rounds: list[Round]
    offer: Offer
    messages: list[Message]
    stop: Stop | None

    def told(self, step: ClaimedStep) -> list[JSON]:
        if self.stop is None:
            return []
        payload = {"step": step.n, "limit": self.stop.limit}
        message = f"The agent is asked to answer with what it has: {self.stop.why}"
        return [event("WARNING", agent=step.agent, message=message, payload=payload)]


def loop_of(
    step: ClaimedStep, task: TaskContext, history: Sequence[Past], tools: Registry, messages: Sequence[Message]
) -> Loop:
    """Args: messages: the whole conversation, not yet cut."""
    limits = limits_of(task.context, usual(), research())
    rounds = rounds_of(history)
    shown = cut_results(messages, limits.chars)
    stop = stop_at(limits, rounds, prompt_chars=chars_of(shown))
    offer = offer_of(
        tools,
        allowed=step.input.get("tools"),
        query=f"{step.description}\n{task.query}",
        history=history,
        most=settings.TOOLS_OFFERED,
    )
    told = shown if stop is None else closing(shown, stop, limits.prompt_chars)
    return Loop(limits, rounds, offer, told, stop)


def usual() -> Limits:
    return _limits(settings.TURNS_LIMIT, settings.AGENT_CALLS_LIMIT, settings.TOOL_CHARS_LIMIT)


def research() -> Limits:
    return _limits(settings.RESEARCH_TURNS_LIMIT, settings.RESEARCH_CALLS_LIMIT, settings.RESEARCH_CHARS_LIMIT)


def _limits(turns: int, calls: int, chars: int) -> Limits:
    return Limits(
        turns=turns,
        calls=calls,
        calls_of_turn=settings.TOOL_CALLS_LIMIT,
        chars=chars,
        failed_turns=settings.FAILED_TURNS_LIMIT,
        prompt_chars=settings.PROMPT_CHARS_LIMIT,
    )
