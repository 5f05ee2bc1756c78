"""How the scripted model answers by itself: enough sense to drive a whole run of Hartley, always the same way."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.model_server.rules import Messages, Reply

PROFILE = (Path(__file__).parent / "profile_table.py").read_text(encoding="utf-8")
ATTACHED = re.compile(r"^- /data/(.+?) \(", re.MULTILINE)
NO_FILES = "print({'sum': sum(range(1, 101))})"


def answer(messages: Messages, tools: Sequence[str]) -> Reply:
    """
    Args:
        tools: names of those offered.
    """
    system = _texts(messages, "system")
    if system.startswith("You are the planner"):
        return Reply(text=json.dumps(_plan(messages)))
    if system.startswith("You are an agent"):
        return _turn(messages, tools)
    if system.startswith("You are the editor"):
        return Reply(text=_edited(messages))
    return Reply(text=f"The scripted model was told: {_texts(messages, 'user')[-200:]}")


def _plan(messages: Messages) -> dict[str, Any]:
    question = _texts(messages, "user").split("\n\nAttached files:")[0]
    return {
        "subtasks": [
            {"id": "a1", "description": f"Describe the data. {question}", "role": "analyst", "depends_on": []},
            {"id": "a2", "description": f"Calculate the figures. {question}", "role": "analyst", "depends_on": []},
        ]
    }


def _turn(messages: Messages, tools: Sequence[str]) -> Reply:
    results = [str(m.get("content")) for m in messages if m.get("role") == "tool"]
    if results:
        return Reply(text="\n\n".join(_told(result) for result in results))
    if "python_executor" not in tools:
        return Reply(text="No python_executor was offered, so nothing was calculated.")
    files = ATTACHED.findall(_texts(messages, "user"))
    programs = [f"{PROFILE}\n\nmain({'/data/' + name!r})\n" for name in files] or [NO_FILES]
    return Reply(tool_calls=[{"name": "python_executor", "arguments": {"code": code}} for code in programs])


def _told(result: str) -> str:
    """One tool result in words."""
    try:
        outcome = json.loads(result)
        if not outcome["ok"]:
            return f"The tool failed: {outcome['error']['message']}"
        found = json.loads(outcome["stdout"])
    except (ValueError, KeyError, TypeError):
        return f"The tool returned: {result[:500]}"
    if "file" not in found:
        return f"The tool returned: {found}"
    lines = [f"{found['file'].removeprefix('/data/')} rows {found.get('rows', 0)} characters {found['characters']}"]
    for name, groups in found.get("by", {}).items():
        shown = "; ".join(f"{key} total {f['total']:,.2f}, mean {f['mean']:,.2f}" for key, f in groups.items())
        lines.append(f"- {name}: {shown}")
    return "\n".join(lines)


def _edited(messages: Messages) -> str:
    users = [str(m.get("content")) for m in messages if m.get("role") == "user"]
    sections = []
    for body in map(json.loads, users[1:]):
        sections.append(f"## {body['agent']}\n\n{body.get('answer') or 'failed: ' + str(body.get('error'))}")
    return "\n\n".join([f"# {users[0]}", *sections])


def _texts(messages: Messages, role: str) -> str:
    return "\n".join(str(m.get("content") or "") for m in messages if m.get("role") == role)
