"""Plans: what a task's agents will do, as data. Pure; the compiler and the engine take it from here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.steps import NewStep

ID = re.compile(r"[A-Za-z0-9_.-]{1,40}")
DESCRIPTION_LIMIT_CHARS = 4000


class PlanInvalid(HartleyError):
    """The plan breaks a rule; the message names the subtask and the rule."""

    code = "plan.invalid"
    status = 400


@dataclass(frozen=True)
class Subtask:
    id: str
    description: str
    role: str = "generalist"
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Subtasks in an order in which each follows those it depends on."""

    subtasks: tuple[Subtask, ...]


def single(query: str) -> Plan:
    """The plan of a simple task: one agent takes the whole question."""
    return Plan((Subtask(id="agent", description=query[:DESCRIPTION_LIMIT_CHARS]),))


def parse_plan(text: str, *, limit: int) -> Plan:
    """
    Read `{"subtasks": [{"id", "description", "role"?, "depends_on"?}]}`, bare or inside a code fence.

    Raises:
        PlanInvalid: not such JSON, no subtask or more than `limit`, a double or unknown id, a cycle.
    """
    found = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        items = json.loads(found.group(0))["subtasks"] if found else None
    except (ValueError, KeyError, TypeError):
        items = None
    if not isinstance(items, list) or not items:
        raise PlanInvalid("the plan is not a JSON object with a list of subtasks")
    if len(items) > limit:
        raise PlanInvalid(f"the plan has {len(items)} subtasks; the limit is {limit}")
    return Plan(tuple(_ordered([_subtask(item, position) for position, item in enumerate(items, 1)])))


def _subtask(item: Any, position: int) -> Subtask:
    if not isinstance(item, dict):
        raise PlanInvalid(f"subtask {position} is not an object")
    id_, description = item.get("id", f"a{position}"), item.get("description")
    if not isinstance(id_, str) or not ID.fullmatch(id_):
        raise PlanInvalid(f"subtask {position}: id must be 1 to 40 letters, digits, dots, dashes or underscores")
    if not isinstance(description, str) or not description.strip():
        raise PlanInvalid(f"subtask {id_}: description is empty")
    needs = item.get("depends_on") or []
    if not isinstance(needs, list) or not all(isinstance(need, str) for need in needs):
        raise PlanInvalid(f"subtask {id_}: depends_on must be a list of ids")
    role = item.get("role") if isinstance(item.get("role"), str) else "generalist"
    return Subtask(id_, description.strip()[:DESCRIPTION_LIMIT_CHARS], str(role)[:40], tuple(dict.fromkeys(needs)))


def _ordered(subtasks: list[Subtask]) -> list[Subtask]:
    known = {subtask.id for subtask in subtasks}
    if len(known) < len(subtasks):
        raise PlanInvalid("two subtasks have the same id")
    for subtask in subtasks:
        for need in subtask.depends_on:
            if need not in known:
                raise PlanInvalid(f"subtask {subtask.id} depends on {need}, which is not in the plan")
    done: list[Subtask] = []
    while len(done) < len(subtasks):
        placed = {subtask.id for subtask in done}
        free = [s for s in subtasks if s.id not in placed and placed.issuperset(s.depends_on)]
        if not free:
            raise PlanInvalid("the subtasks depend on each other in a circle: " + ", ".join(sorted(known - placed)))
        done += free
    return done


def first_steps(mode: str) -> list[NewStep]:
    """Every task starts so: admitted by policy, planned by a model unless it is simple, its plan checked."""
    admit = NewStep("policy.admit", description="Is this task admitted?")
    if mode == "simple":
        return [admit, NewStep("control.plan", description="One agent", after=(0,), is_final=True)]
    return [
        admit,
        NewStep("llm.plan", description="Split the question into parts", after=(0,)),
        NewStep("control.plan", description="Check the plan, add its steps", after=(1,), is_final=True),
    ]


def travel_steps(kind: str, description: str, asked: JSON) -> list[NewStep]:
    """A fork or replay is admitted like every run; then one step does it."""
    admit = NewStep("policy.admit", description="Is this task admitted?")
    return [admit, NewStep(kind, description=description, input=asked, after=(0,), is_final=True)]


def agent_steps(plan: Plan) -> list[NewStep]:
    """
    The first turn of each agent, and the synthesis that waits for all of them, failed ones included.

    The last step of the list is the heir: its output is the task's answer. An agent's further turns take the
    place of its first, so that what waits for the agent waits for its last turn.
    """
    position = {subtask.id: index for index, subtask in enumerate(plan.subtasks)}
    turns = [
        NewStep(
            "llm.turn",
            agent=subtask.id,
            description=subtask.description,
            input={"turn": 1, "role": subtask.role, "needs": list(subtask.depends_on)},
            after=tuple(position[need] for need in subtask.depends_on),
            join="settled",  # an agent is told when one that it builds on has failed
        )
        for subtask in plan.subtasks
    ]
    if len(turns) == 1:
        return turns
    write = NewStep("llm.synthesise", "editor", "Write the answer", after=tuple(range(len(turns))), join="settled")
    return [*turns, write]
