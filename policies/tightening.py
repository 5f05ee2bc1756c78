"""A tenant's own modules. They can only tighten: what Hartley's own policy denies stays denied.

A module is `package hartley.own` with the rules `deny` and `needs_approval`, sets of reasons; each applies where it
holds. Its input is that of the decision point, and `input.point` names the point:

    package hartley.own
    import rego.v1

    deny contains "no code for interns" if {
        input.point == "tool_call"
        input.tool.name == "python_executor"
        input.principal.role == "user"
    }

Modules are compiled and asked in a process of their own (apart.py), since odd Rego can hang or crash the engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import regopy

from policies.ask import ask_path, decide
from policies.bundle import Bundle, build
from policies.decision import POINTS, Decision, NotAnAnswer, Point, canonical
from policies.errors import PolicyInvalid

PACKAGE = re.compile(r"^package\s+hartley\.own\s*$", re.MULTILINE)
RULES = ("deny", "needs_approval")
REASON_CHARS = 500
REASONS = 20  # of one rule that are told; the others are counted
BROKEN = "own.broken"
Mode = Literal["enforce", "dry_run"]


class OwnSource(NamedTuple):
    """A module of a tenant as it was written."""

    name: str
    source: str
    mode: Mode


class OwnAnswer(NamedTuple):
    """A rule that holds; `deny` when its module had no answer."""

    module: str
    rule: str
    reasons: list[str]


@dataclass(frozen=True)
class OwnModule:
    name: str
    rules: tuple[str, ...]
    compiled: regopy.Bundle = field(repr=False, compare=False)


@dataclass(frozen=True)
class Policy:
    """What one tenant is governed by."""

    base: Bundle
    revision: str
    modules: tuple[OwnSource, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The decision, and what modules in dry run would have said."""

    decision: Decision
    would: tuple[str, ...] = ()


def compile_own(name: str, source: str) -> OwnModule:
    """
    Raises:
        PolicyInvalid: the message has the module and line.
    """
    if not PACKAGE.search(source):
        raise PolicyInvalid(f"{name} line 1: the package must be hartley.own")
    rules = tuple(rule for rule in RULES if re.search(rf"^{rule}\b", source, re.MULTILINE))
    if not rules:
        raise PolicyInvalid(f"{name} line 1: there is neither a rule deny nor a rule needs_approval")
    module = OwnModule(name, rules, build({name: source}, [f"hartley/own/{rule}" for rule in rules]))
    for point in POINTS:
        for rule in rules:
            try:
                _reasons(module, rule, json.dumps({"point": point}))
            except NotAnAnswer as error:
                raise PolicyInvalid(f"{name}: {rule} is no set of texts when asked about nothing: {error}") from None
    return module


def decide_first(policy: Policy, point: Point, asked: Mapping[str, Any]) -> Decision:
    """Hartley's own policy alone; never raises."""
    base = decide(policy.base, point, [asked])[0]
    return Decision(base.effect, base.rule, base.reasons, policy.revision, base.input_sha256)


def question(point: Point, asked: Mapping[str, Any]) -> str:
    """What modules are asked, as JSON; of an input on which Hartley's own policy could decide."""
    return canonical({**asked, "point": point})


def answers_of(modules: Sequence[OwnModule], text: str) -> list[OwnAnswer]:
    """Of all rules that hold; never raises for what a module does."""
    return [answer for module in modules for rule in module.rules for answer in _answer(module, rule, text)]


def tightened(base: Decision, modules: Sequence[OwnSource], answers: Sequence[OwnAnswer]) -> Verdict:
    """The stricter of Hartley's own policy and the tenant's modules."""
    modes = {module.name: module.mode for module in modules}
    decision, would = base, []
    for answer in answers:
        if modes.get(answer.module) == "dry_run":
            would.append(f"{answer.rule} by own.{answer.module}: {'; '.join(answer.reasons)}")
        elif answer.rule == "deny" or decision.effect == "allow":
            decision = _stricter(decision, answer.rule, f"own.{answer.module}", answer.reasons)
    return Verdict(decision, tuple(would))


def unanswered(base: Decision, modules: Sequence[OwnSource], why: str) -> Verdict:
    """The tenant's modules could not be asked: until they can be, nothing is allowed, unless all are in dry run."""
    if all(module.mode == "dry_run" for module in modules):
        return Verdict(base, (f"deny by {BROKEN}: {why[:REASON_CHARS]}",))
    return Verdict(_stricter(base, "deny", BROKEN, [why[:REASON_CHARS]]))


def _answer(module: OwnModule, rule: str, text: str) -> list[OwnAnswer]:
    try:
        reasons = _reasons(module, rule, text)
    except NotAnAnswer as error:
        return [OwnAnswer(module.name, "deny", [f"the module gave no answer: {error}"])]
    return [OwnAnswer(module.name, rule, reasons)] if reasons else []


def _stricter(base: Decision, effect: Any, rule: str, reasons: Sequence[str]) -> Decision:
    if base.effect == "deny":
        return base
    return Decision(effect, rule, tuple(reasons), base.revision, base.input_sha256)


def _reasons(module: OwnModule, rule: str, text: str) -> list[str]:
    """
    Raises:
        NotAnAnswer
    """
    try:
        printed = json.loads(ask_path(module.compiled, f"hartley/own/{rule}", text))
    except ValueError:
        raise NotAnAnswer("it ended in an error") from None
    match printed:
        case {"expressions": [list(reasons)]} if all(isinstance(reason, str) for reason in reasons):
            told = sorted(reason[:REASON_CHARS] for reason in reasons)
            more = len(told) - REASONS
            return told if more <= 0 else [*told[:REASONS], f"and {more} more"]
    raise NotAnAnswer("it is not a set of texts")
