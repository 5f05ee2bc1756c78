"""With no model key both examples give right answers, through the real web process, workers, sandbox and database."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from examples.submit import load_request
from tests.support.cast import Cast
from tests.support.expected import expected
from tests.support.farm import Farm
from tests.support.services import ROOT

EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/request.json"))


def run(farm: Farm, cast: Cast, example: Path) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    status, body = farm.call(cast.owner.api_key, "/api/v1/tasks", load_request(example))
    assert status == 200, body
    task = farm.finished(cast.owner.api_key, body["task_id"])
    key = cast.owner.api_key
    return task, farm.events(key, body["task_id"]), farm.steps(key, body["task_id"])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_answered_with_the_figures_of_an_independent_calculation(
    farm: Farm, cast: Cast, example: Path
) -> None:
    task, events, steps = run(farm, cast, example)

    assert task["status"] == "TASK_STATUS_COMPLETED", task
    missing = [figure for figure in expected(example) if figure not in task["result"]]
    assert not missing, task["result"]
    assert "without a language model" in task["result"]
    assert task["usage"]["total_tokens"] > 0
    assert any(file["filename"].endswith(".svg") for file in task["metadata"]["artifacts"])

    types = [event["type"] for event in events]
    assert types[-1] == "STREAM_END" and types.count("STREAM_END") == 1
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {"POLICY_DECISION", "BUDGET_HELD", "BUDGET_SETTLED", "TOOL_INVOKED", "TOOL_OBSERVATION"} <= set(types)
    assert types.count("BUDGET_HELD") == types.count("BUDGET_SETTLED")
    assert any(e["type"] == "TOOL_OBSERVATION" and e["payload"]["tool"] == "python_executor" for e in events)
    assert len(steps) >= 3 and overlapping(steps)


def overlapping(steps: list[dict[str, Any]]) -> bool:
    """Two steps ran at the same time, by the database's clock."""
    spans = sorted((datetime.fromisoformat(s["started_at"]), datetime.fromisoformat(s["finished_at"])) for s in steps)
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


def test_a_simple_question_has_one_agent_and_no_planner(farm: Farm, cast: Cast) -> None:
    task = farm.submit(cast.owner.api_key, "What is (12.5 + 7.5) * 3?")

    found = farm.finished(cast.owner.api_key, task)

    assert "60" in found["result"]
    kinds = [step["kind"] for step in farm.steps(cast.owner.api_key, task)]
    assert "llm.plan" not in kinds and kinds.count("llm.turn") == 2


def test_a_user_without_the_permission_has_no_code_run(farm: Farm, cast: Cast) -> None:
    task = farm.submit(cast.user.api_key, "Run this:\n```python\nprint(6 * 7)\n```", mode="simple")

    found = farm.finished(cast.user.api_key, task)

    denied = [e for e in farm.events(cast.user.api_key, task) if e["type"] == "POLICY_DECISION"]
    assert any(e["payload"]["effect"] == "deny" and e["payload"]["subject"] == "python_executor" for e in denied)
    assert "42" not in found["result"]
