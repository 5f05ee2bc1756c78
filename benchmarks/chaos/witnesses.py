"""What saw the work from outside the database: logs that each process appends to, and the model server's own log."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.chaos.invariants import Mark, Requests
from tests.support.marker import LOG, append, marks

NOTES = "HARTLEY_CHAOS_NOTES"
TAG = re.compile(r"\[chaos-[0-9a-f]+\]")  # stands in a task's question, and so in each of its prompts


def leave_mark(*, task: object, step: int, attempt: int, at: float) -> None:
    """The effect of a marking step; the marker tool writes the same line."""
    append(Path(os.environ[LOG]), {"task_id": str(task), "step": step, "attempt": attempt, "at": at})


def note(**counted: int) -> None:
    """Count something that only its process knows, such as a dropped hint."""
    append(Path(os.environ[NOTES]), {name: number for name, number in counted.items() if number})


def read_marks(path: Path) -> list[Mark]:
    return [Mark(line["task_id"], line["step"], line["attempt"]) for line in marks(path)]


def read_notes(path: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in marks(path):
        found.update(line)
    return found


def read_requests(log: Iterable[dict[str, Any]], task_of_tag: Mapping[str, str]) -> dict[str, Requests]:
    """By task; a request whose tag no task has is counted under the tag itself."""
    sent: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for entry in log:
        tag = next((found for m in entry["messages"] for found in TAG.findall(str(m.get("content")))), "no tag")
        task = task_of_tag.get(tag, tag)
        sent[task] += 1
        answered[task] += entry["outcome"] == "completed"
    return {task: Requests(sent[task], answered[task]) for task in sent}
