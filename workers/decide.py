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

from policies.decision import Decision, Point
from policies.engine import Bundle, compile_bundle, default_modules
from policies.errors import PolicyInvalid
from policies.tightening import OwnModule, Policy, Verdict, compile_own, decide_for
from webapp.common.errors import HartleyError
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.decisions import models
from webapp.orchestration.steps import event
from webapp.tenants.models import Tenant
from workers import context

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


async def ask(tenant: UUID, point: Point, subject: str, asked: JSON) -> Verdict:
    return decide_for(await policy_of(tenant), point, subject, asked)


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
        modules = [(row.name, row.mode, sources[row.id, row.active]) for row in rows]
    return _Known(number, _compiled(number, modules), 0.0)


def _compiled(number: int, sources: list[tuple[str, str, str]]) -> Policy:
    """A module that can't be loaded here, though it could when it was saved, denies everything until it is mended."""
    base = bundle()
    revision = f"{base.revision}+{number}" if number else base.revision
    modules: list[OwnModule] = []
    for name, mode, source in sources:
        try:
            modules.append(compile_own(name, source, mode))  # type: ignore[arg-type]
        except PolicyInvalid as error:
            log.error("policy.broken", module=name, error=str(error))
            return Policy(base, revision, broken=f"the module {name} can't be loaded: {error}")
    return Policy(base, revision, tuple(modules))


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
