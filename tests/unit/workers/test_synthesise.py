"""How many agents must have succeeded for an answer to be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.claimed import claimed
from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, Completion
from workers import context, llm
from workers.beats import Beats
from workers.context import Past, TaskContext


class Asked(Exception):
    """The model would be asked."""


def past(n: int, state: str) -> Past:
    error = None if state == "done" else {"code": "tool.failed", "message": f"no {n}"}
    return Past(n, "llm.turn", f"a{n}", "", state, {}, {"text": "x"} if state == "done" else None, error)


async def written(monkeypatch: pytest.MonkeyPatch, mode: str, done: int, failed: int, given: JSON) -> Completion:
    """
    Raises:
        Asked
    """
    task = TaskContext("q", mode, 0.5, given, [], (), 5)
    results = [past(n, "done") for n in range(done)] + [past(n, "failed") for n in range(done, done + failed)]

    async def read(_step: ClaimedStep, query: Callable[..., Any]) -> Any:
        return task if query is context.task_context else results

    async def asked(*_args: Any, **_named: Any) -> Any:
        raise Asked

    async def nowhere(_item: Any) -> JSON:
        return {}

    monkeypatch.setattr(context, "read", read)
    monkeypatch.setattr(llm, "ask_model", asked)
    return await llm.synthesise(claimed(), Beats(claimed(), nowhere))


@pytest.mark.parametrize(
    ("mode", "done", "failed", "given"),
    [("standard", 1, 1, {}), ("complex", 3, 2, {}), ("complex", 2, 3, {"plan": {}}), ("simple", 1, 0, {})],
)
async def test_enough_have_succeeded(
    monkeypatch: pytest.MonkeyPatch, mode: str, done: int, failed: int, given: JSON
) -> None:
    with pytest.raises(Asked):
        await written(monkeypatch, mode, done, failed, given)


@pytest.mark.parametrize(("mode", "done", "failed"), [("standard", 1, 2), ("complex", 1, 1), ("complex", 2, 3)])
async def test_too_few_have_succeeded_and_the_error_counts_them(
    monkeypatch: pytest.MonkeyPatch, mode: str, done: int, failed: int
) -> None:
    ended = await written(monkeypatch, mode, done, failed, {})
    assert ended.status == "failed" and ended.error
    assert ended.error["code"] == "task.too_few_agents_succeeded"
    assert ended.error["message"].startswith(f"Only {done} of {done + failed} agents succeeded: a{done}: no {done}")


async def test_without_any_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = await written(monkeypatch, "complex", 0, 2, {"plan": {}})
    assert ended.error and ended.error["code"] == "task.no_agent_succeeded"
