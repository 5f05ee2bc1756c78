"""A policy decision, and the strict reading of what the policy engine printed. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Point = Literal["task_admission", "model_call", "tool_call"]
Effect = Literal["allow", "deny", "needs_approval"]
POINTS: tuple[Point, ...] = get_args(Point)
EFFECTS: tuple[Effect, ...] = get_args(Effect)
DEFAULT_DENY = "default.deny"
RULE_LIMIT_CHARS = 120
REASON_LIMIT_CHARS = 500


@dataclass(frozen=True)
class Decision:
    """
    Args:
        rule: the rule that decided; `default.deny` when there was no well-formed answer.
        revision: of the bundle that was asked.
        input_sha256: of the input's canonical JSON; empty when the input can't be written as JSON.
    """

    effect: Effect
    rule: str
    reasons: tuple[str, ...]
    revision: str
    input_sha256: str


class NotAnAnswer(ValueError):
    """Stands for every way of not answering; its message becomes the reason of the denial."""


def canonical(value: Mapping[str, Any]) -> str:
    """
    Sorted keys, no spaces, characters as they are: equal inputs have equal text.

    Raises:
        ValueError, TypeError, RecursionError: it isn't JSON (NaN, a lone surrogate, a foreign type, too deep).
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    text.encode()
    return text


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def input_hash(value: Mapping[str, Any]) -> str:
    """What binds a decision to the action it was made for. Raises as `canonical` does."""
    return sha256_of(canonical(value))


def read_answer(printed: str) -> tuple[Effect, str, tuple[str, ...]]:
    """
    The engine's output as effect, rule and reasons. It is an answer only in exactly this form:
    `{"expressions": [{"effect": "allow", "rule": "tool.member", "reasons": []}]}`.

    Raises:
        NotAnAnswer: it is undefined, an error text, several results or any other shape.
    """
    match _parsed(printed):
        case {"expressions": [{"effect": str(effect), "rule": str(rule), "reasons": list(reasons), **more}]} if (
            not more
        ):
            return _effect(effect), _rule(rule), tuple(map(_reason, reasons))
    raise NotAnAnswer("the policy's answer is not an object of effect, rule and reasons")


def _parsed(printed: str) -> Any:
    if printed == "undefined":
        raise NotAnAnswer("the policy has no answer to this (undefined)")
    try:
        return json.loads(printed)
    except (ValueError, RecursionError):
        raise NotAnAnswer("the policy ended in an error, for example two rules with different answers") from None


def _effect(word: str) -> Effect:
    for effect in EFFECTS:
        if word == effect:
            return effect
    raise NotAnAnswer(f"the policy answered with an unknown effect: {word[:40]!r}")


def _rule(name: str) -> str:
    if not 0 < len(name) <= RULE_LIMIT_CHARS:
        raise NotAnAnswer(f"the policy's rule name is not 1 to {RULE_LIMIT_CHARS} characters long")
    return name


def _reason(reason: object) -> str:
    if not isinstance(reason, str):
        raise NotAnAnswer("one of the policy's reasons is not text")
    return reason[:REASON_LIMIT_CHARS]
