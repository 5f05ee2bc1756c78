"""When an agent has called tools enough and is asked to answer with what it has. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from webapp.common.values import JSON
from workers.context import Past

TURN, CALL = "llm.turn", "tools.call"


@dataclass(frozen=True)
class Limits:
    """
    Of one agent.

    Attributes:
        turns: that call tools; one more may follow, which answers.
        calls: of tools, in all.
        calls_of_turn: of everything, what the turn answers itself included.
        chars: of what tools bring, in all.
        failed_turns: in a row in which every call failed.
        prompt_chars: of all that its model is told at once.
    """

    turns: int
    calls: int
    calls_of_turn: int
    chars: int
    failed_turns: int
    prompt_chars: int


@dataclass(frozen=True)
class Round:
    """
    A turn that called, and what came of it.

    Attributes:
        calls: of tools.
        chars: of what all its calls were answered.
        good: how many of all its calls did what they were to do.
    """

    calls: int = 0
    chars: int = 0
    good: int = 0

    def and_(self, shown: JSON, *, calls: int) -> Round:
        good = isinstance(shown, dict) and bool(shown.get("ok"))
        return Round(self.calls + calls, self.chars + len(json.dumps(shown)), self.good + good)


@dataclass(frozen=True)
class Stop:
    """`limit` is one of turns, calls, output, failures, prompt; `why` is written for the model and for people."""

    limit: str
    why: str


def limits_of(context: Mapping[str, Any], usual: Limits, research: Limits) -> Limits:
    """A task that names a research strategy has the limits of research; `max_iterations` says how many turns."""
    limits = research if context.get("research_strategy") else usual
    turns = context.get("max_iterations")
    return replace(limits, turns=turns) if isinstance(turns, int) and not isinstance(turns, bool) else limits


def rounds_of(history: Sequence[Past]) -> list[Round]:
    """Args: history: of one agent, oldest first; a turn's calls come after it and before the next turn."""
    rounds: list[Round] = []
    for past in history:
        if past.kind == TURN and (past.output or {}).get("tool_calls"):
            rounds.append(Round())
            for each in own_answers(past):
                rounds[-1] = rounds[-1].and_(each["shown"], calls=0)
        elif past.kind == CALL and rounds:
            rounds[-1] = rounds[-1].and_(shown_of(past), calls=1)
    return rounds


def own_answers(turn: Past) -> list[JSON]:
    """The calls that a turn answered itself: `[{"call_id", "shown"}]`."""
    output = turn.output or {}
    return [*output.get("weighed", []), *output.get("answered", [])]


def shown_of(call: Past) -> JSON:
    shown: JSON = call.output["shown"] if call.output else {"ok": False, "error": call.error}
    return shown


def calls_made(rounds: Sequence[Round]) -> int:
    return sum(each.calls for each in rounds)


def stop_at(limits: Limits, rounds: Sequence[Round], *, prompt_chars: int) -> Stop | None:
    """
    The first limit that is met, if any.

    Failures are counted by turns: calls of one turn run side by side and can't learn from each other.
    """
    brought = sum(each.chars for each in rounds)
    met = (
        ("turns", len(rounds) >= limits.turns, f"tools were called in {_many(limits.turns, 'turn')}, as many as may"),
        ("calls", calls_made(rounds) >= limits.calls, f"{_many(limits.calls, 'tool call')} were made, as many as may"),
        ("output", brought >= limits.chars, f"tools have brought {limits.chars:,} characters, as many as may"),
        ("failures", _failed(rounds) >= limits.failed_turns, f"every call failed, {_times(limits.failed_turns)}"),
        ("prompt", prompt_chars > limits.prompt_chars, f"the conversation has over {limits.prompt_chars:,} characters"),
    )
    return next((Stop(limit, why) for limit, is_met, why in met if is_met), None)


def _failed(rounds: Sequence[Round]) -> int:
    """How many at the end had no call that did what it was to do."""
    count = 0
    for each in reversed(rounds):
        if each.good:
            break
        count += 1
    return count


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _times(turns: int) -> str:
    return "in one turn" if turns == 1 else f"in {turns} turns in a row"
