"""Reads what a step needs, inside its tenant's scope. Runs in a few threads beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections
from django.db.models import Q
from django.db.models.fields.json import KT

from webapp.agent_tasks.models import Content, Step, Task
from webapp.agent_tasks.selectors import steps_of
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.decisions.models import PolicyDecision
from webapp.orchestration import complexity
from webapp.orchestration.completions import EMBED
from webapp.orchestration.steps import ClaimedStep
from webapp.prompts.release import all_shipped
from workers.gateway.types import FileRef
from workers.pinned_prompts import pinned
from workers.retries import DATABASE_AWAY_S

log = structlog.get_logger()
T = TypeVar("T")
HEAD_CHARS = 2000
EMBED_TIER = "embeddings"
_READERS = ThreadPoolExecutor(4, thread_name_prefix="reader")
_CARRIERS = ThreadPoolExecutor(2, thread_name_prefix="carrier")


@dataclass(frozen=True)
class Past:
    """A step that has run: what a later one may build on."""

    n: int
    kind: str
    agent: str
    description: str
    state: str
    input: JSON
    output: JSON | None
    error: JSON | None
    inner: JSON | None = None


@dataclass(frozen=True)
class TaskContext:
    """`prompts` are the templates that the task is pinned to, by name."""

    query: str
    mode: str
    complexity: float
    context: JSON
    attachments: list[JSON]
    files: tuple[FileRef, ...]
    steps: int
    prompts: Mapping[str, str] = field(default_factory=all_shipped)
    conversation: str = ""  # the key of what was said before it


async def read(step: ClaimedStep, query: Callable[[ClaimedStep], T]) -> T:
    """Run a read in the tenant's scope; everything it returns must be evaluated."""

    def scoped() -> T:
        with tenant_scope(step.tenant):
            return query(step)

    return await in_reader(scoped)


async def carried(move: Callable[[], T]) -> T:
    """As `in_reader`, in threads of their own: for what moves files and may take seconds."""
    return await in_reader(move, _CARRIERS)


async def in_reader(query: Callable[[], T], threads: ThreadPoolExecutor = _READERS) -> T:
    """
    In one of the threads that read; the query enters a tenant's scope itself.

    Repeated while the database is away, so it may only read, or write what is the same when it is written twice.
    """

    def fresh() -> T:
        close_old_connections()
        return query()

    delays = iter(DATABASE_AWAY_S)
    while True:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, fresh)
        except (OperationalError, InterfaceError) as error:
            delay = next(delays, DATABASE_AWAY_S[-1])
            log.warning("reader.database_away", error=type(error).__name__, retry_s=delay)
            await asyncio.sleep(delay)


def task_context(step: ClaimedStep) -> TaskContext:
    task = Task.objects.get(id=step.task)
    return TaskContext(
        query=task.query,
        mode=task.mode,
        complexity=task.complexity,
        context=task.context,
        attachments=task.attachments,
        files=tuple(_file_ref(step, attachment) for attachment in task.attachments),
        steps=task.steps if step.steps_then is None else step.steps_then,
        prompts=pinned(step.tenant, task.prompts),
        conversation=task.conversation,
    )


def alone(query: str) -> TaskContext:
    """Of a task that is one call: it has no files and no settings of its own, all that it says is in its step."""
    return TaskContext(
        query=query,
        mode="simple",
        complexity=complexity.score(query, attachments=0),
        context={},
        attachments=[],
        files=(),
        steps=1,
    )


def parents(step: ClaimedStep) -> list[Past]:
    """The steps that this one waited for, in the order of their numbers."""
    return [_past(row) for row in Step.objects.filter(task_id=step.task, n__in=step.parents).order_by("n")]


def agent_history(step: ClaimedStep) -> list[Past]:
    """What this agent has done before: its turns and tool calls that have come to an end, oldest first."""
    ended = ("done", "failed")
    rows = Step.objects.filter(task_id=step.task, agent=step.agent, n__lt=step.n, state__in=ended).order_by("n")
    return [_past(row) for row in rows]


def answers_of(step: ClaimedStep, agents: list[str]) -> list[Past]:
    """
    The last turn of each of these agents, or the call of a tool that has this name, whatever became of it.

    Where the agent waits for some of them alone, the others end while it runs or later: of those what they had brought when
    this step was started, so that a replay finds what the run found. One that ended in the same moment may be told either
    way.
    """
    named = Step.objects.filter(task_id=step.task, agent__in=agents, kind__in=("llm.turn", "tools.call"))
    moment = _started_early(step)
    before = named.filter(created_at__lte=moment) if moment else named
    last = {row.agent: row for row in before.order_by("n")}
    return [_at(moment, last[agent]) for agent in agents if agent in last]


def _started_early(step: ClaimedStep) -> datetime | None:
    """When this step was started, if its agent, or the calls that are made before it, waited for some of several alone."""
    own = Q(agent=step.agent) | Q(agent__startswith=f"{step.agent}~")
    if not Step.objects.filter(own, task_id=step.task, join__in=("any", "quorum")).exists():
        return None
    return Step.objects.values_list("started_at", flat=True).get(task_id=step.task, n=step.n)


def _at(moment: datetime | None, row: Step) -> Past:
    """What had not ended by then has brought nothing."""
    if moment is None or (row.finished_at and row.finished_at <= moment):
        return _past(row)
    return Past(row.n, row.kind, row.agent, row.description, "running", row.input, None, None)


def recorded_task(step: ClaimedStep) -> Task:
    return Task.objects.get(id=step.task)


def recorded_steps(step: ClaimedStep) -> list[Step]:
    """All steps of the task, with what went in and came out."""
    return steps_of(step.tenant, step.task)


def recorded_decisions(step: ClaimedStep) -> list[PolicyDecision]:
    """
    What policy said of the task's steps, in the order in which it was said. Not of looking for alike questions: what was
    found is recorded, and a replay looks for nothing.
    """
    of_task = {"tenant_id": step.tenant, "task_id": step.task}
    embeds = set(Step.objects.filter(**of_task, kind=EMBED).values_list("n", flat=True))
    rows = PolicyDecision.objects.filter(**of_task).annotate(tier=KT("input__model__tier"))
    found = rows.defer("input").order_by("id")
    return [decision for decision in found if decision.tier != EMBED_TIER or decision.step in embeds]


def file_bytes(step: ClaimedStep) -> dict[str, bytes]:
    """The task's attachments by name, as tools see them under /data."""
    attachments = Task.objects.values_list("attachments", flat=True).get(id=step.task)
    wanted = {a["id"] for a in attachments}
    found = {c.sha256: bytes(c.data) for c in Content.objects.filter(sha256__in=wanted)}
    return {a["filename"]: found[a["id"]] for a in attachments}


def _past(row: Step) -> Past:
    return Past(row.n, row.kind, row.agent, row.description, row.state, row.input, row.output, row.error, row.inner)


def _file_ref(step: ClaimedStep, attachment: JSON) -> FileRef:
    data = Content.objects.values_list("data", flat=True).get(sha256=attachment["id"])
    head = bytes(data)[: 4 * HEAD_CHARS].decode("utf-8", "replace")[:HEAD_CHARS]
    return FileRef(attachment["filename"], attachment["media_type"], attachment["size_bytes"], head)
