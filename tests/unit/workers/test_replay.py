"""What a replay tells of what went on in agents."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from webapp.agent_tasks.beliefs import Beliefs, Evidence, Hypothesis
from webapp.agent_tasks.models import Step, Task
from webapp.orchestration.steps import ClaimedStep, Completion
from workers.beats import Beats
from workers.replay import replay_run


def believing(state: str, *weights: float) -> dict[str, Any]:
    evidence = tuple(Evidence(f"{weight}", weight, 3) for weight in weights)
    return {"state": state, "beliefs": Beliefs((Hypothesis("h", "s", supporting=evidence),)).to_json()}


def differences(then: dict[str, Any] | None, now: dict[str, Any] | None) -> list[tuple[str, str, str]]:
    task = Task(id=uuid4(), tenant_id=uuid4(), session_id=uuid4(), user_id=uuid4())
    step = Step(
        task=task, n=3, kind="llm.turn", queue="llm", parents=[], state="done", output={"text": "x"}, inner=then
    )

    async def again(claimed: ClaimedStep, _beats: Beats) -> Completion:
        return Completion(claimed, output={"text": "x"}, inner=now)

    report = asyncio.run(replay_run(task, [step], [], {"llm.turn": again}))
    return [(found.what, found.then, found.now) for found in report.differences]


def test_another_state_and_another_confidence_are_differences_of_the_step() -> None:
    assert differences(believing("EXECUTING", 0.5), believing("COMPLETED", 0.5, 0.8)) == [
        ("agent state", "EXECUTING", "COMPLETED"),
        ("beliefs", "h 0.667", "h 0.909"),
    ]


def test_the_same_is_none_and_a_run_from_before_it_was_kept_has_none() -> None:
    assert differences(believing("EXECUTING", 0.5), believing("EXECUTING", 0.5)) == []
    assert differences(None, believing("EXECUTING")) == []
