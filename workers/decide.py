"""Asks the policy that governs a tenant, and says what is kept of each answer.

A worker goes by what it read last for at most POLICY_LOOK_S; then it compares the tenant's revision with Postgres
before it decides. So a change counts in every worker within that time, whatever Redis does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import TypedDict
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F

from policies.apart import NoAnswer
from policies.decision import Decision, Point
from policies.engine import Bundle, compile_bundle, default_modules
from policies.tightening import OwnSource, Policy, Verdict, decide_first, question, tightened, unanswered
from webapp.common.errors import HartleyError
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.decisions import models
from webapp.orchestration.steps import event
from webapp.tenants.models import Tenant
from workers import context
from workers.services import services

FOR_A_SUMMARY = ", for a summary"  # ends the subject of a decision on such a call
log = structlog.get_logger()


class PolicyDenied(HartleyError):
    """The policy did not allow the action; the message has the rule and its reasons."""

    code = "policy.denied"
    status = 403

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        reasons = "; ".join(decision.reasons) or "no reason given"
        super().__init__(f"Policy rule {decision.rule} answered {decision.effect}: {reasons}")


class Recorded(TypedDict):
    decisions: list[JSON]
    events: list[JSON]


@dataclass
class _Known:
    number: int
    policy: Policy
    looked_at: float


_known: dict[UUID, _Known] = {}


@cache
def bundle() -> Bundle:
    return compile_bundle(default_modules())


async def ask(tenant: UUID, point: Point, asked: JSON) -> Verdict:
    return await verdict_of(tenant, await policy_of(tenant), point, asked)


async def verdict_of(tenant: UUID, policy: Policy, point: Point, asked: JSON) -> Verdict:
    """Never raises for what an input or a module holds. What Hartley's own policy denies, modules are not asked about."""
    base = decide_first(policy, point, asked)
    if base.effect == "deny" or not policy.modules:
        return Verdict(base)
    try:
        answers = await services().own_policies.ask(tenant, policy.modules, question(point, asked))
    except NoAnswer as error:
        log.warning("policy.unanswered", error=str(error))
        return unanswered(base, policy.modules, str(error))
    return tightened(base, policy.modules, answers)


async def policy_of(tenant: UUID) -> Policy:
    known = _known.get(tenant)
    if known and time.monotonic() - known.looked_at < settings.POLICY_LOOK_S:
        return known.policy
    looked_at = time.monotonic()
    fresh = await context.in_reader(lambda: _look(tenant, known))
    fresh.looked_at = looked_at
    _known[tenant] = fresh
    return fresh.policy


def _look(tenant: UUID, known: _Known | None) -> _Known:
    with tenant_scope(tenant):
        number = Tenant.objects.values_list("policy_revision", flat=True).get(id=tenant)
        if known and known.number == number:
            return known
        rows = models.PolicyModule.objects.exclude(mode=models.Mode.OFF).order_by("name")
        sources = {
            (version.module_id, version.number): version.source
            for version in models.PolicyVersion.objects.filter(module__in=rows, number=F("module__active"))
        }
        modules = tuple(OwnSource(row.name, sources[row.id, row.active], row.mode) for row in rows)  # type: ignore[arg-type]
    revision = f"{bundle().revision}+{number}" if number else bundle().revision
    return _Known(number, Policy(bundle(), revision, modules), 0.0)


def record(point: Point, subject: str, asked: JSON, verdict: Verdict, *, step: int, agent: str) -> Recorded:
    """The row and the event of one decision; what modules in dry run would have said goes into the event."""
    answer = {"point": point, "subject": subject, **to_json(verdict.decision)}
    would = {"dry_run": list(verdict.would)} if verdict.would else {}
    told = event(
        "POLICY_DECISION",
        agent=agent,
        message=f"{verdict.decision.effect}: {subject}",
        payload={"step": step, **answer, **would},
    )
    return {"decisions": [{**answer, "input": asked}], "events": [told]}


def to_json(decision: Decision) -> JSON:
    return {
        "effect": decision.effect,
        "rule": decision.rule,
        "reasons": list(decision.reasons),
        "revision": decision.revision,
        "input_sha256": decision.input_sha256,
    }


def of_json(body: JSON) -> Decision:
    return Decision(**{**body, "reasons": tuple(body["reasons"])})
