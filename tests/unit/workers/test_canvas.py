"""Plans as Celery signatures."""

import json
import subprocess
import sys
from pathlib import Path

from celery import chord
from celery.canvas import _chain as celery_chain

from tests.support.services import ROOT
from webapp.orchestration.steps import NewStep
from workers.canvas import canvas_of


def names(canvas: object) -> list[tuple[str, list[list[object]]]]:
    text = json.dumps(canvas, default=str)
    found = []

    def look(value: object) -> None:
        if isinstance(value, dict):
            if str(value.get("task", "")).endswith(".steps"):
                found.append((value["task"], value["kwargs"]["items"]))
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(json.loads(text))
    return found


def test_a_fan_out_and_its_join_are_a_chord_on_their_queues() -> None:
    steps = [NewStep("llm.turn"), NewStep("tools.call"), NewStep("llm.synthesise", after=(0, 1))]
    canvas = canvas_of(steps, task="t")
    assert isinstance(canvas, chord)
    assert sorted(names(canvas)) == [("llm.steps", [["t", 1]]), ("llm.steps", [["t", 3]]), ("tools.steps", [["t", 2]])]


def test_steps_in_a_row_are_a_chain() -> None:
    canvas = canvas_of([NewStep("policy.admit"), NewStep("control.plan", after=(0,))], task="t")
    assert isinstance(canvas, celery_chain)


def test_the_command_prints_the_canvas_of_a_plan(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"subtasks": [{"id": "a", "description": "x"}, {"id": "b", "description": "y"}]}')
    done = subprocess.run(
        [sys.executable, "-m", "workers.canvas", str(plan)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    first, _, rest = done.stdout.partition("\n")
    assert first == "group(llm.turn a, llm.turn b) | llm.synthesise editor"
    assert json.loads(rest)["task"] == "celery.chord"
