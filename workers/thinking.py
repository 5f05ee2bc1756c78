"""What goes on in an agent from turn to turn: its state, and what it believes when its plan has it work with hypotheses.

Evidence is weighed by a tool call that the turn answers itself, so that it is written with the turn. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webapp.agent_tasks.beliefs import Beliefs, BeliefsInvalid
from webapp.agent_tasks.rules import AgentState, next_agent_state
from webapp.agent_tasks.weighing import SAID, beliefs_after
from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, event
from workers.context import Past
from workers.gateway.types import ToolCall, ToolSpec
from workers.toolbox.registry import WEIGH_EVIDENCE

SPEC: ToolSpec = {
    "name": WEIGH_EVIDENCE,
    "description": "Records hypotheses and evidence for or against them. Answers with your confidence in each.",
    "parameters": SAID,
}


def state_after(steps: Iterable[Past]) -> AgentState | None:
    """In which the newest of these steps of one agent left it."""
    states = [past.inner["state"] for past in steps if past.inner]
    return AgentState(states[-1]) if states else None


def left_in(state: AgentState, *, before: AgentState | None, beliefs: Beliefs | None = None) -> JSON:
    """
    As it is kept with the step.

    Raises:
        TransitionForbidden: by a mistake of ours.
    """
    return {
        "state": next_agent_state(before, state).value,
        "beliefs": None if beliefs is None else beliefs.to_json(),
    }


def beliefs_held(given: JSON | None, history: Sequence[Past]) -> Beliefs | None:
    """
    Args:
        given: with which the agent began; None: it works without hypotheses.
        history: its steps so far.
    """
    if given is None:
        return None
    kept = [past.inner["beliefs"] for past in history if past.inner and past.inner["beliefs"]]
    return Beliefs.of_json(kept[-1] if kept else given)


def in_brief(beliefs: JSON) -> JSON:
    """For models: without the evidence."""
    hypotheses = beliefs["hypotheses"]
    return {
        "threshold": beliefs["threshold"],
        "best": beliefs["best"],
        "hypotheses": [
            {"id": one["id"], "statement": one["statement"], "confidence": round(one["confidence"], 3)}
            for one in hypotheses
        ],
    }


@dataclass(frozen=True)
class Weighed:
    """
    Attributes:
        results: what the agent is told of each call, `{"call_id", "shown"}`.
        others: the calls that are for tools.
    """

    beliefs: Beliefs | None
    results: list[JSON]
    others: list[ToolCall]
    events: list[JSON]


def weigh(step: ClaimedStep, held: Beliefs | None, calls: Sequence[ToolCall]) -> Weighed:
    """A call that can't be used changes nothing and fails nothing: the agent is told why, and so is the reader."""
    if held is None:
        return Weighed(None, [], list(calls), [])
    beliefs, results, warnings = held, list[JSON](), list[JSON]()
    for call in calls:
        if call.name != WEIGH_EVIDENCE:
            continue
        try:
            beliefs = beliefs_after(beliefs, call.arguments, step=step.n)
            shown = {"ok": True, **in_brief(beliefs.to_json())}
        except BeliefsInvalid as error:
            shown = {"ok": False, "error": {"code": error.code, "message": str(error)}}
            message = f"What it said of its hypotheses is left out: {error}"
            warnings.append(event("WARNING", agent=step.agent, message=message, payload={"step": step.n}))
        results.append({"call_id": call.id, "shown": shown})
    others = [call for call in calls if call.name != WEIGH_EVIDENCE]
    changed = [] if beliefs == held else [_thinks(step, beliefs)]
    return Weighed(beliefs, results, others, [*warnings, *changed])


def _thinks(step: ClaimedStep, beliefs: Beliefs) -> JSON:
    best = beliefs.best()
    message = f"Holds {best.id} at {best.confidence:.0%}: {best.statement}" if best else "Holds no hypothesis yet"
    payload = {"step": step.n, "beliefs": in_brief(beliefs.to_json())}
    return event("AGENT_THINKING", agent=step.agent, message=message, payload=payload)
