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
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import regopy

from policies.ask import ask_path, decide
from policies.bundle import Bundle, build
from policies.decision import POINTS, Decision, NotAnAnswer, Point, canonical
from policies.errors import PolicyInvalid

PACKAGE = re.compile(r"^package\s+hartley\.own\s*$", re.MULTILINE)
RULES = ("deny", "needs_approval")
Mode = Literal["enforce", "dry_run"]


@dataclass(frozen=True)
class OwnModule:
    name: str
    mode: Mode
    rules: tuple[str, ...]
    compiled: regopy.Bundle = field(repr=False, compare=False)


@dataclass(frozen=True)
class Policy:
    """
    What one tenant is governed by.

    Attributes:
        broken: why a module can't be loaded; then everything is denied.
    """

    base: Bundle
    revision: str
    modules: tuple[OwnModule, ...] = ()
    broken: str = ""


@dataclass(frozen=True)
class Verdict:
    """The decision, and what modules in dry run would have said."""

    decision: Decision
    would: tuple[str, ...] = ()


def compile_own(name: str, source: str, mode: Mode = "enforce") -> OwnModule:
    """
    Raises:
        PolicyInvalid: the message has the module and line.
    """
    if not PACKAGE.search(source):
        raise PolicyInvalid(f"{name} line 1: the package must be hartley.own")
    rules = tuple(rule for rule in RULES if re.search(rf"^{rule}\b", source, re.MULTILINE))
    if not rules:
        raise PolicyInvalid(f"{name} line 1: there is neither a rule deny nor a rule needs_approval")
    module = OwnModule(name, mode, rules, build({name: source}, [f"hartley/own/{rule}" for rule in rules]))
    for point in POINTS:
        for rule in rules:
            try:
                _reasons(module, rule, json.dumps({"point": point}))
            except NotAnAnswer as error:
                raise PolicyInvalid(f"{name}: {rule} is no set of texts when asked about nothing: {error}") from None
    return module


def decide_for(policy: Policy, point: Point, subject: str, asked: Mapping[str, Any]) -> Verdict:
    """The stricter of Hartley's own policy and the tenant's modules; never raises."""
    base = decide(policy.base, point, [asked])[0]
    base = Decision(base.effect, base.rule, base.reasons, policy.revision, base.input_sha256)
    if policy.broken:
        return Verdict(_tightened(base, "deny", "own.broken", [policy.broken]))
    if base.effect == "deny":
        return Verdict(base)
    return _own(policy.modules, base, canonical({**asked, "point": point}))


def _own(modules: Sequence[OwnModule], base: Decision, text: str) -> Verdict:
    decision, would = base, []
    for module in modules:
        for rule in module.rules:
            try:
                reasons = _reasons(module, rule, text)
            except NotAnAnswer as error:
                rule, reasons = "deny", [f"the module gave no answer: {error}"]
            if not reasons:
                continue
            if module.mode == "dry_run":
                would.append(f"{rule} by own.{module.name}: {'; '.join(reasons)}")
            elif rule == "deny" or decision.effect == "allow":
                decision = _tightened(decision, rule, f"own.{module.name}", reasons)
    return Verdict(decision, tuple(would))


def _tightened(base: Decision, effect: Any, rule: str, reasons: list[str]) -> Decision:
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
            return sorted(reason[:500] for reason in reasons)
    raise NotAnAnswer("it is not a set of texts")
