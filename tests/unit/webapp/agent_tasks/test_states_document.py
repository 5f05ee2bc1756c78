"""The document's table of states is the code's."""

from __future__ import annotations

import re

from tests.support.services import ROOT
from webapp.agent_tasks.models import StepState, TaskState
from webapp.agent_tasks.rules import AGENT_STATES, STEP_STATES, TASK_STATES, AgentState


def documented(heading: str) -> dict[str, list[str]]:
    """By state: the cells after it."""
    text = (ROOT / "docs" / "states.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows}


def test_tasks_are_documented_as_they_are() -> None:
    found = documented("Tasks")
    assert {state: set(re.findall(r"`(\w+)`", cells[-1])) for state, cells in found.items()} == TASK_STATES
    assert {state: cells[0] for state, cells in found.items()} == {
        state.value: f"`TASK_STATUS_{state.value.upper()}`" for state in TaskState
    }


def test_steps_are_documented_as_they_are() -> None:
    found = documented("Steps")
    assert {state: set(re.findall(r"`(\w+)`", cells[-1])) for state, cells in found.items()} == STEP_STATES
    assert set(found) == {state.value for state in StepState}


def test_agents_are_documented_as_they_are() -> None:
    found = documented("Agents")
    assert {state: set(re.findall(r"`(\w+)`", cells[-1])) for state, cells in found.items()} == AGENT_STATES
    assert list(found) == list(AgentState)
