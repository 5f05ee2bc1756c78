"""Tenants with tasks whose agents are ready to make calls, and limits that some of them will reach."""

from __future__ import annotations

from decimal import Decimal

from tests.support.cast import Person, person
from webapp.budgets.models import Envelope
from webapp.budgets.periods import open_budget
from webapp.common.tenancy import tenant_scope
from webapp.orchestration import engine
from webapp.orchestration.steps import Completion, NewStep, StepRef
from webapp.orchestration.submit import Submission, submit_task
from webapp.tenants.models import Role
from webapp.tenants.services import create_tenant

AT_ONCE = 50  # tasks that are planned in one turn
MEAN_TOKENS = 250  # that a call costs


def tenants(count: int, tasks: int, *, agents: int, each: int) -> tuple[list[Person], list[tuple[str, int]]]:
    """So many tasks in all, over four sessions of a person for each tenant; and their agents' steps, ready."""
    people = [
        person(create_tenant(name=f"Bench {n}", tier="enterprise", session_tokens=10**12), "owner", Role.OWNER)
        for n in range(count)
    ]
    made = [
        submit_task(
            principal=people[n % count].principal,
            submission=Submission("x", session=f"s{n // count % 4}", mode="simple"),
        ).id
        for n in range(tasks)
    ]
    steps = [NewStep("llm.turn", f"a{agent}") for agent in range(agents) for _ in range(each)]
    ready: list[tuple[str, int]] = []
    for first in range(0, tasks, AT_ONCE):
        some = made[first : first + AT_ONCE]
        _turn(completions=[Completion(step) for step in _turn(claims=[StepRef(task, 1) for task in some]).claimed])
        planned = _turn(claims=[StepRef(task, 2) for task in some]).claimed
        grown = _turn(completions=[Completion(step, grow=steps, heir=len(steps) - 1) for step in planned])
        ready += [(str(step.ref.task), step.ref.n) for step in grown.ready]
    return people, ready


def with_limits(people: list[Person], holds: int) -> None:
    """Of eight tenants one each is short at the level of the tenant, the person's day, the session, the task, calls."""
    share = 2 * holds * MEAN_TOKENS // len(people)
    limit_tenant(people[0], share // 2)
    for nth, (level, owner) in enumerate((("user", people[1].user.id), ("tenant", people[2].principal.tenant_id))):
        tenant = people[1 + nth].principal.tenant_id
        day = open_budget(tenant=tenant, level=level, owner=owner, period="day")
        with tenant_scope(tenant):
            Envelope.objects.filter(id=day).update(usd_limit=Decimal(share) * Decimal("0.0000012"))
    for nth, (level, limits) in enumerate(
        (
            ("session", {"tokens_limit": share // 6}),
            ("task", {"tokens_limit": 20_000}),
            ("user", {"tool_calls_limit": 300}),
        )
    ):
        with tenant_scope(people[3 + nth].principal.tenant_id):
            Envelope.objects.filter(level=level, period="total").update(**limits)


def limit_tenant(who: Person, tokens: int) -> None:
    with tenant_scope(who.principal.tenant_id):
        Envelope.objects.filter(level="tenant", period="total").update(tokens_limit=tokens)


def _turn(**said: object) -> engine.TurnResult:
    return engine.turn(worker="setting/1", queues=["llm"], take=0, lease_s=600, hint_s=600, **said)  # type: ignore[arg-type]
