"""What a model step was told, put together from what is stored. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from webapp.agent_sessions.messages import pieces

SHOWN_CHARS = 20_000  # of one message


@dataclass(frozen=True)
class Said:
    """One message. `who` is user, assistant or tool, and for results of other agents the agent."""

    who: str
    text: str
    chars: int

    @property
    def cut(self) -> bool:
        return self.chars > len(self.text)


class PastStep(Protocol):
    kind: str
    agent: str
    input: Any
    output: Any
    error: Any


def conversation(step: PastStep, *, query: str, asked: str, past: Sequence[PastStep]) -> list[Said]:
    """
    The messages after the platform's own instructions, in the order in which they were sent.

    Args:
        asked: the first message to this agent, as its event has it.
        past: of a turn, what the agent did before; of a synthesis, the steps whose results it merges.
    """
    if step.kind == "llm.synthesise":
        return [_said("user", query), *(_said(each.agent, _answer(each)) for each in past)]
    if step.kind == "llm.turn":
        return [_said("user", asked), *(said for each in past for said in _turn(each))]
    return [_said("user", asked)]


def conversation_of(messages: Iterable[Mapping[str, Any]]) -> list[Said]:
    """A caller's own messages; of files only what they are."""
    return [_said(message["role"], "\n".join(pieces(message))) for message in messages]


def _turn(past: PastStep) -> Iterable[Said]:
    output = past.output or {}
    if past.kind == "llm.turn":
        if output.get("text"):
            yield _said("assistant", output["text"])
        for call in output.get("tool_calls", []):
            yield _said("assistant", f"{call['name']}({call['raw']})")
        for own in [*output.get("weighed", []), *output.get("answered", [])]:
            yield _said("tool", json.dumps(own["shown"], indent=2, ensure_ascii=False))
    elif past.kind == "tools.call":
        yield _said("tool", json.dumps(output.get("shown", {"error": past.error}), indent=2, ensure_ascii=False))


def _answer(past: PastStep) -> str:
    return (past.output or {}).get("text") or f"failed: {(past.error or {}).get('message', 'did not finish')}"


def _said(who: str, text: str) -> Said:
    return Said(who, text[:SHOWN_CHARS], len(text))
