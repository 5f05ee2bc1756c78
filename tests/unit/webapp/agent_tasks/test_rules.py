"""Why a step does not move, in the states that the engine leaves behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp.agent_tasks.models import Step
from webapp.agent_tasks.rules import AGENT_STATES, AgentState, TransitionForbidden, next_agent_state, why_not_moving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON, BEFORE = NOW + timedelta(seconds=7), NOW - timedelta(seconds=1)
ERROR = {"code": "model.rate_limited", "message": "too many requests"}
FROZEN = {"code": "step.frozen", "message": "Frozen: tool t, by x: y", "freeze": 1}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"state": "waiting", "waits": 1}, "waits for 1 step before it"),
        ({"state": "waiting", "waits": 3}, "waits for 3 steps before it"),
        ({"state": "waiting", "waits": 0, "retries": 1, "due": SOON, "error": ERROR},
         "retries in 7 s after: too many requests"),
        ({"state": "waiting", "waits": 0, "retries": 1, "due": BEFORE, "error": ERROR},
         "waits for a worker on the queue llm"),
        ({"state": "waiting", "waits": 0, "due": SOON, "error": FROZEN}, "Frozen: tool t, by x: y"),
        ({"state": "waiting", "waits": 0, "due": BEFORE, "error": FROZEN}, "Frozen: tool t, by x: y"),
        ({"state": "ready", "waits": 0, "due": SOON, "error": FROZEN}, "waits for a worker on the queue llm"),
        ({"state": "ready", "waits": 0, "retries": 1, "due": SOON, "error": ERROR},
         "waits for a worker on the queue llm"),
    ],
)  # fmt: skip
def test_each_state_has_its_reason(fields: dict[str, object], reason: str) -> None:
    assert why_not_moving(Step(n=1, kind="llm.turn", queue="llm", **fields), NOW).reason == reason


def test_a_queue_without_a_worker_is_named() -> None:
    step = Step(n=1, kind="llm.turn", queue="llm", state="ready", waits=0)
    assert why_not_moving(step, NOW, {"tools"}).reason == "waits: no worker serves the queue llm"
    assert why_not_moving(step, NOW, {"llm"}).reason == "waits for a worker on the queue llm"


def test_an_agents_first_step_may_leave_it_in_any_state() -> None:
    assert [next_agent_state(None, state) for state in AgentState] == list(AgentState)


@pytest.mark.parametrize("before", AgentState)
@pytest.mark.parametrize("after", AgentState)
def test_an_agent_becomes_what_the_table_says_and_nothing_else(before: AgentState, after: AgentState) -> None:
    if after in AGENT_STATES[before]:
        assert next_agent_state(before, after) == after
    else:
        with pytest.raises(TransitionForbidden, match=f"that is {before} can't become {after}; it may become "):
            next_agent_state(before, after)
