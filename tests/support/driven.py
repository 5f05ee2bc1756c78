"""Drives the engine by hand: a test is the worker that claims and completes."""

from __future__ import annotations

import asyncio
from typing import Any

from django.db import connections

from tests.support.cast import Person
from webapp.agent_tasks.models import Step, Task
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration import engine
from webapp.orchestration.dispatch import QUEUES
from webapp.orchestration.engine import Swept, TurnResult
from webapp.orchestration.manual import read_plan
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, StepRef
from webapp.orchestration.submit import Submission, submit_task
from webapp.progress.models import Event

ERROR = {"code": "tool.failed", "message": "no"}


def turn(worker: str = "w/1", take: int = 0, **said: Any) -> TurnResult:
    return engine.turn(
        worker=worker,
        queues=QUEUES,
        take=take,
        lease_s=said.pop("lease_s", 30),
        hint_s=30,
        **said,
    )


async def put(said: Begin | Completion) -> JSON:
    """What a worker's writer does with a begin, for Beats; its thread keeps no connection, as many would be kept."""
    assert isinstance(said, Begin)

    def begin() -> JSON:
        try:
            return turn(begins=[said]).begun[said.step.attempt]
        finally:
            connections["default"].close()

    return await asyncio.to_thread(begin)


def claim(task: Task, n: int, **said: Any) -> ClaimedStep:
    (won,) = turn(claims=[StepRef(task.id, n)], **said).claimed
    return won


def sweep(*, hint_s: float = 30, lease_s: float = 30, attempts: int = 5) -> Swept:
    """Both sweeps, as workers and beat do them."""
    steps = engine.sweep(queues=QUEUES, hint_s=hint_s, attempts=attempts)
    tasks = engine.sweep_tasks(lease_s=lease_s)
    return Swept(steps.ready, steps.moved | tasks.moved, tasks.ended, tasks.waiting, steps.refused + tasks.refused)


def fresh(task: Task) -> Task:
    with tenant_scope(task.tenant_id):
        return Task.objects.get(id=task.id)


def events(task: Task) -> list[tuple[int, str]]:
    with tenant_scope(task.tenant_id):
        return list(Event.objects.filter(task_id=task.id).order_by("seq").values_list("seq", "type"))


class Driven:
    """A task with a plan of the caller's, whose steps the test ends one by one, by their ids in the plan."""

    def __init__(self, person: Person, *steps: dict[str, Any], **given: Any) -> None:
        plan = {"steps": [{"kind": "wait", **step} for step in steps]}
        submission = Submission(query="x", mode="simple", context={"plan": plan}, **given)
        self.task = submit_task(principal=person.principal, submission=submission)
        self.plan = plan

    def planned(self) -> Driven:
        """Admitted, and its steps added."""
        turn(completions=[Completion(claim(self.task, 1))])
        grow = read_plan(self.plan, limit=1000)
        turn(completions=[Completion(claim(self.task, 2), grow=grow, heir=len(grow) - 1)])
        return self

    def step(self, name: str) -> Step:
        with tenant_scope(self.task.tenant_id):
            return Step.objects.get(task_id=self.task.id, agent=name, compensates=None)

    def steps(self) -> list[Step]:
        with tenant_scope(self.task.tenant_id):
            return list(Step.objects.filter(task_id=self.task.id).order_by("n"))

    def states(self) -> dict[str, str]:
        return {step.agent: step.state for step in self.steps() if step.agent and step.compensates is None}

    def claim(self, name: str) -> ClaimedStep:
        return claim(self.task, self.step(name).n)

    def done(self, *names: str) -> TurnResult:
        return turn(completions=[Completion(self.claim(name), output={"text": name}) for name in names])

    def failed(self, name: str) -> TurnResult:
        return turn(completions=[Completion(self.claim(name), status="failed", error=ERROR)])

    def state(self) -> str:
        return fresh(self.task).state

    def types(self) -> list[str]:
        return [type_ for _, type_ in events(self.task)]

    def hurry(self) -> None:
        """As if every time that is waited for had come."""
        with tenant_scope(self.task.tenant_id), connections["default"].cursor() as cursor:
            cursor.execute(
                "UPDATE agent_tasks_step SET due = clock_timestamp() WHERE task_id = %s AND due IS NOT NULL",
                [self.task.id],
            )
