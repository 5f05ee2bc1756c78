"""One answer from those of the agents: the direct answer, the findings, the charts, who failed. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from workers.gateway.providers.offline.markdown import block, escape
from workers.gateway.providers.offline.notice import signed_off, unsigned
from workers.gateway.providers.offline.plan import PROFILE
from workers.gateway.providers.offline.writeup import file_line
from workers.gateway.types import Message


def synthesis(messages: Sequence[Message]) -> str:
    """The first user message is the question; each that follows is an agent's result as JSON."""
    users = [message["content"] or "" for message in messages if message["role"] == "user"]
    results = [result for text in users[1:] if (result := _result(text))]
    answered = [result for result in results if result.get("answer")]
    front = [result for result in answered if result.get("description") != PROFILE] or answered
    behind = [result for result in answered if result not in front]
    leads = [lead for result in front if (lead := _halves(result)[0])]
    parts = leads[:1] if len(leads) == 1 else ["\n".join(map(_listed, leads))]
    parts += [_finding(result) for result in [*front, *behind]]
    parts += [_failure(result) for result in results if not result.get("answer")]
    parts += _unmentioned(answered, "\n".join(parts))
    return signed_off("\n\n".join(part for part in parts if part) or "No agent returned an answer.")


def _result(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _halves(result: dict[str, Any]) -> tuple[str, str]:
    """An answer's first paragraph and the rest."""
    lead, _, rest = unsigned(str(result["answer"])).partition("\n\n")
    return lead.strip(), rest.strip()


def _listed(lead: str) -> str:
    return lead if lead.startswith("- ") else f"- {lead}"


def _finding(result: dict[str, Any]) -> str:
    """The heading is the subtask's first line; the lead is not repeated, except for what the top left out."""
    lead, rest = _halves(result)
    title = str(result.get("description") or result.get("agent") or "Findings").split("\n", 1)[0]
    if result.get("description") == PROFILE:
        return f"### The data\n\n{lead}\n\n{rest}".strip()
    return f"### {escape(title, 160)}\n\n{rest}" if rest else ""


def _failure(result: dict[str, Any]) -> str:
    what = escape(str(result.get("description", "")), 160)
    who = f"Agent {escape(str(result.get('agent', '?')))} failed on “{what}”"
    return f"{who}, so that part is missing:\n\n{block(str(result.get('error') or 'it gave no answer'), 500)}"


def _unmentioned(results: Sequence[dict[str, Any]], text: str) -> list[str]:
    made = [a for result in results for a in result.get("artifacts") or [] if isinstance(a, dict)]
    lines = dict.fromkeys(file_line(artifact) for artifact in made)
    return [line for line in lines if line not in text]
