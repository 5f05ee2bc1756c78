"""The last turn of an agent that has met a limit: it may not call, and what it asks for all the same is not heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.claimed import claimed
from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, Completion
from workers import context, llm
from workers.beats import Beats
from workers.context import Past, TaskContext
from workers.conversations import Told
from workers.gateway.types import ModelReply, ToolCall, Usage
from workers.model_told import Answered
from workers.toolbox.builtin.calculator import Calculator
from workers.toolbox.registry import Registry

AGAIN = ToolCall("c9", "calculator", {"expression": "1+1"}, "{}")


def past(n: int) -> list[Past]:
    """A turn with one call, and what came of it."""
    asked = {"text": "", "tool_calls": [{"id": f"c{n}", "name": "calculator", "raw": "{}"}]}
    inner = {"state": "EXECUTING", "beliefs": None}
    return [
        Past(n, "llm.turn", "a", "d", "done", {}, asked, None, inner),
        Past(n + 1, "tools.call", "a", "calculator", "done", {"call_id": f"c{n}"}, {"shown": {"ok": True}}, None),
    ]


async def turned(monkeypatch: pytest.MonkeyPatch, history: list[Past], turns: int) -> tuple[Completion, dict[str, Any]]:
    """What becomes of a turn whose model asks for one more call, and what the model was asked with."""
    asked: dict[str, Any] = {}
    task = TaskContext("q", "simple", 0.1, {"max_iterations": turns}, [], (), 5)

    async def read(_step: ClaimedStep, query: Callable[..., Any]) -> Any:
        return task if query is context.task_context else history

    async def ask(*_args: Any, **named: Any) -> Answered:
        asked.update(named)
        reply = ModelReply("So far 2", "p", "m", Usage(), "tool_calls", tool_calls=(AGAIN,))
        return Answered(reply, Decimal(0), {})

    async def nothing(*_args: Any) -> Told:
        return Told([])

    async def tools(*_args: Any) -> Registry:
        return Registry([Calculator()])

    async def nowhere(_item: Any) -> JSON:
        return {}

    monkeypatch.setattr(context, "read", read)
    monkeypatch.setattr(llm, "ask_model", ask)
    monkeypatch.setattr(llm, "earlier_messages", nothing)
    monkeypatch.setattr(llm, "tools_of", tools)
    step = replace(claimed(n=9), input={"turn": 3, "role": "generalist", "needs": []})
    return await llm.turn(step, Beats(step, nowhere)), asked


async def test_a_stopped_agent_answers_whatever_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, asked = await turned(monkeypatch, [*past(1), *past(3)], turns=2)
    assert not asked["may_call"] and "Answer now" in asked["messages"][-1]["content"]
    assert ended.output["text"] == "So far 2" and ended.output["stopped_by"] == "turns" and not ended.grow
    assert "tool_calls" not in ended.output and ended.events[0]["type"] == "WARNING"


async def test_one_that_is_not_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, asked = await turned(monkeypatch, [*past(1), *past(3)], turns=3)
    assert asked["may_call"] and asked["messages"][-1]["role"] == "tool"
    assert [step.kind for step in ended.grow] == ["tools.call", "llm.turn"] and "stopped_by" not in ended.output
