"""Time travel: an ended run is replayed against today's code, or forked at a step. Both are tasks of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings

from webapp.agent_sessions.models import Session
from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Priority, Task
from webapp.common.errors import Conflict
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration.fork import ForkInvalid, fork_steps
from webapp.orchestration.plan import travel_steps
from webapp.orchestration.steps import NewStep
from webapp.orchestration.submit import CALL_SCOPE, Submission, submit_task
from webapp.orchestration.tool_choice import calls_named
from webapp.tenants.rules import Principal

IN_CONTEXT = ("system_prompt", "model_override", "model_tier", "provider_override", "plan")
STEPS_BESIDE = 2  # what a fork has besides the run's: admission, and the step that forks
PLANS = ("control.plan", "llm.plan")
IN_FORCE = "in_force"


@dataclass(frozen=True)
class Changes:
    """
    What a fork does otherwise; None: as the run had it.

    Args:
        query: the question, as the steps that run anew see it.
        description, arguments: of the step at which it forks: what an agent is to do, how a tool is called.
        plan: instead of the run's, when it forks where that was made.
        prompts: IN_FORCE: the prompt templates that are in force now, instead of those that the run is pinned to.
    """

    query: str | None = None
    system_prompt: str | None = None
    model_override: str | None = None
    model_tier: str | None = None
    provider_override: str | None = None
    plan: JSON | None = None
    description: str | None = None
    arguments: JSON | None = None
    prompts: str | None = None

    def named(self) -> JSON:
        return {name: value for name, value in vars(self).items() if value is not None}


def replay_task(*, principal: Principal, task: UUID, idempotency: str | None = None) -> Task:
    """
    Do the run's decisions again with today's code, on the recorded answers of models and tools. It calls nothing.

    Raises:
        NotFound
        Conflict: the run has not ended, or is a replay itself.
    """
    run = _ended(principal, task)
    if (run.origin or {}).get("kind") == "replay":
        raise Conflict("A replay can't be replayed; replay the run that it looked at")
    origin = {"kind": "replay", "task": str(run.id)}
    steps = travel_steps("control.replay", "Do its decisions again, on what was recorded", {"task": str(run.id)})
    submission = _submission(run, principal, run.query, {}, origin)
    return submit_task(principal=principal, submission=submission, idempotency=idempotency, steps=steps)


def fork_task(*, principal: Principal, task: UUID, step: int, changes: Changes, idempotency: str | None = None) -> Task:
    """
    Run it anew from this step on. What came before is served from its records and costs nothing.

    Raises:
        NotFound
        Conflict: the run has not ended, or is a replay.
        ForkInvalid: it can't be forked there, or not with these changes. Nothing was started.
        ScopeMissing: calls of tools that no agent chooses would run anew, and the credential may make none.
    """
    run = _ended(principal, task)
    if (run.origin or {}).get("kind") == "replay":
        raise Conflict("A replay can't be forked; fork the run that it looked at")
    with tenant_scope(principal.tenant_id):
        past = selectors.steps_of(principal.tenant_id, run.id)
    planned, _ = fork_steps(past, step, description=changes.description, arguments=changes.arguments)
    if changes.plan is not None and next(s.kind for s in past if s.n == step) not in PLANS:
        raise ForkInvalid(f"step {step}: a plan can be changed only where the run was planned")
    if len(planned) + STEPS_BESIDE > settings.STEPS_LIMIT:
        raise ForkInvalid(f"step {step}: the fork would have more than {settings.STEPS_LIMIT} steps")
    context = {name: value for name, value in changes.named().items() if name in IN_CONTEXT}
    if _calls_anew(planned, step, {**run.context, **context}):
        principal.require(CALL_SCOPE, why="calls of tools would be made anew")
    origin = {"kind": "fork", "task": str(run.id), "step": step, "changed": changes.named()}
    asked = {"task": str(run.id), "step": step, "description": changes.description, "arguments": changes.arguments}
    submission = _submission(run, principal, changes.query or run.query, {**run.context, **context}, origin)
    submission = replace(submission, prompts=None if changes.prompts == IN_FORCE else run.prompts)
    steps = travel_steps("control.fork", f"Take over what was before step {step}", asked)
    return submit_task(principal=principal, submission=submission, idempotency=idempotency, steps=steps)


def _calls_anew(planned: Sequence[NewStep], at: int, context: JSON) -> bool:
    """Whether it makes calls anew that its run or its caller names, or the one at which it forks: no agent chooses those."""
    live = [step for step in planned if step.record is None]
    if any(step.kind in PLANS for step in live) and calls_named(context):
        return True
    agents = {place for place, step in enumerate(planned) if step.kind == "llm.turn"}
    called = [step for step in live if step.kind == "tools.call"]
    if any(step.record_of == at or step.grown_by not in agents for step in called):
        return True
    return any(step.compensation is not None for step in live)


def _ended(principal: Principal, task: UUID) -> Task:
    with tenant_scope(principal.tenant_id):
        run = selectors.find_task(principal.tenant_id, principal.watches, str(task))
    if run.is_open:
        raise Conflict(f"The run has not ended yet: it is {run.state}")
    return run


def _submission(run: Task, principal: Principal, query: str, context: JSON, origin: JSON) -> Submission:
    """
    In the session of the run, if that is the person's own; another person's fork has a session of its own. What the run's
    caller allowed it at most, it may take at most too.
    """
    own = run.user_id == principal.user_id
    return Submission(
        query=query,
        session=str(run.session_id) if own and _kept(principal, run.session_id) else None,
        mode=run.mode,
        context={name: value for name, value in context.items() if name != "attachments"},
        priority=Priority(run.priority),
        stored=tuple(run.attachments),
        origin=origin,
        limits=run.context.get("budget") or {},
        agent_tokens=run.agent_tokens,
        prompts={},
        conversation=run.conversation,
        alone=True,
    )


def _kept(principal: Principal, session: UUID) -> bool:
    with tenant_scope(principal.tenant_id):
        return Session.objects.filter(id=session, deleted_at=None).exists()
