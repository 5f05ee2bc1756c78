"""The Celery application of a release with another planning rule: the editor is told to check the figures first."""

from __future__ import annotations

from dataclasses import replace

from workers.app import app  # isort: skip  (it sets Django up)
from webapp.orchestration.plan import Plan
from webapp.orchestration.steps import NewStep
from workers import control

TOLD = "Check the figures, then write the answer"
_today = control.agent_steps


def agent_steps(plan: Plan) -> list[NewStep]:
    steps = _today(plan)
    return [replace(step, description=TOLD) if step.kind == "llm.synthesise" else step for step in steps]


control.agent_steps = agent_steps

__all__ = ["app"]
