"""Asks the policy: one bundle per process, and what is kept of each answer."""

from __future__ import annotations

from functools import cache
from typing import TypedDict

from policies.engine import Bundle, Decision, Point, compile_bundle, default_modules
from policies.engine import decide as decide_batch
from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.steps import event


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


@cache
def bundle() -> Bundle:
    return compile_bundle(default_modules())


def ask(point: Point, asked: JSON) -> Decision:
    return decide_batch(bundle(), point, [asked])[0]


def record(point: Point, subject: str, asked: JSON, decision: Decision, *, step: int, agent: str) -> Recorded:
    """The row and the event of one decision."""
    answer = {"point": point, "subject": subject, **to_json(decision)}
    told = event(
        "POLICY_DECISION", agent=agent, message=f"{decision.effect}: {subject}", payload={"step": step, **answer}
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
