"""An agent loop around the provider, its tools played natively: Python in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from workers.gateway.providers.offline.provider import OfflineProvider
from workers.gateway.types import FileRef, Message, ModelReply, ModelRequest, Purpose, ToolCall, ToolSpec

HARTLEY = "def save(name, data, media_type):\n    open(name, 'w', encoding='utf-8').write(data)\n"
TOOLS: list[ToolSpec] = [
    {"name": name, "description": "", "parameters": {"type": "object"}} for name in ("python_executor", "calculator")
]


@dataclass
class Bench:
    """A folder of attached files, a provider that looks for them there, and what the tools have made."""

    folder: Path
    files: list[FileRef] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    max_tokens: int = 4096

    def attach(self, name: str, data: bytes | str, media_type: str = "text/csv") -> None:
        raw = data.encode() if isinstance(data, str) else data
        (self.folder / name).write_bytes(raw)
        self.files.append(FileRef(name, media_type, len(raw), raw.decode(errors="replace")[:2000]))

    def ask(self, purpose: Purpose, query: str, messages: list[Message], **more: Any) -> ModelReply:
        options = {
            "files": self.files,
            "tools": TOOLS if purpose == "turn" else (),
            "max_tokens": self.max_tokens,
        }
        request = ModelRequest(purpose, "offline", "rules", messages, query, **{**options, **more})
        return asyncio.run(OfflineProvider(data_root=str(self.folder)).complete(request))

    def plan(self, query: str, *, limit: int = 3) -> list[dict[str, Any]]:
        messages: list[Message] = [
            {"role": "system", "content": "Split it, in words of a tenant's own."},
            {"role": "user", "content": query},
        ]
        found: list[dict[str, Any]] = json.loads(self.ask("plan", query, messages, subtasks=limit).text)["subtasks"]
        return found

    def agent(self, query: str) -> dict[str, Any]:
        """Turns and tool calls until there is an answer, as the synthesis is shown it."""
        messages: list[Message] = [{"role": "user", "content": query}]
        made: list[dict[str, Any]] = []
        for _ in range(10):
            reply = self.ask("turn", query, messages)
            if not reply.tool_calls:
                return {"agent": "a1", "description": query, "answer": reply.text, "artifacts": made}
            messages.append(assistant(reply))
            for call in reply.tool_calls:
                result = self.run(call)
                made += result.get("artifacts", [])
                messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})
        raise AssertionError("no answer after ten turns")

    def answer(self, query: str) -> str:
        return str(self.agent(query)["answer"])

    def whole(self, query: str, *, limit: int) -> str:
        """Plan, agents, synthesis."""
        results = [self.agent(subtask["description"]) for subtask in self.plan(query, limit=limit)]
        return self.ask("synthesise", query, synthesis_messages(query, results)).text

    def run(self, call: ToolCall) -> dict[str, Any]:
        self.calls.append(call)
        assert call.arguments is not None
        if call.name == "calculator":
            return {"ok": True, "result": eval(call.arguments["expression"])}
        return self.python(call.arguments["code"])

    def python(self, code: str) -> dict[str, Any]:
        """Runs beside a stand-in for the guest's `hartley` module; what that saves is an artifact."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        (work / "hartley.py").write_text(HARTLEY)
        (work / "script.py").write_text(code, encoding="utf-8")
        command = [sys.executable, "-B", "script.py"]
        ran = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=60)
        if ran.returncode:
            return {"ok": False, "error": {"code": "sandbox.error", "message": ran.stderr}}
        made = {path.name: path.read_text(encoding="utf-8") for path in work.iterdir() if path.suffix == ".svg"}
        for name in made:
            (work / name).unlink()
        self.made |= made
        artifacts = [{"name": n, "media_type": "image/svg+xml", "size_bytes": len(t)} for n, t in made.items()]
        return {"ok": True, "stdout": ran.stdout, "value": None, "artifacts": artifacts}


def assistant(reply: ModelReply) -> Message:
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.raw}} for c in reply.tool_calls
    ]
    return {"role": "assistant", "content": reply.text or None, "tool_calls": calls}  # type: ignore[typeddict-item]


def synthesis_messages(query: str, results: list[dict[str, Any]]) -> list[Message]:
    told: list[Message] = [{"role": "user", "content": json.dumps(result)} for result in results]
    return [{"role": "system", "content": "You are the editor"}, {"role": "user", "content": query}, *told]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
