"""Text as it streams: an agent's answer, or what its tool prints. Unnumbered, and it may be lost. Pure."""

from __future__ import annotations

import json
from typing import NamedTuple

from webapp.common.values import JSON


class Source(NamedTuple):
    """
    Whose text it is: an agent's, or with a `tool` that of one call.

    Args:
        stream: `stdout` or `stderr`.
    """

    agent: str
    step: int = 0
    tool: str = ""
    stream: str = ""

    @property
    def type(self) -> str:
        return "TOOL_OUTPUT" if self.tool else "LLM_PARTIAL"


def streamed_body(task: str, source: Source, text: str) -> JSON:
    """
    The internal form, e.g. `{"workflow_id": "…", "type": "TOOL_OUTPUT", "agent_id": "a1", "message": "1 of 3\\n",
    "payload": {"step": 4, "tool": "python_executor", "stream": "stdout"}}`; an agent's text has no payload.
    """
    body = {"workflow_id": task, "type": source.type, "agent_id": source.agent, "message": text}
    payload = {"step": source.step, "tool": source.tool, "stream": source.stream}
    return body | ({"payload": payload} if source.tool else {})


def streamed_frame(task: str, source: Source, text: str) -> str:
    """In the form of a stream: without id, so that no client resumes from it."""
    if source.tool:
        return f"event: {source.type}\ndata: {json.dumps(streamed_body(task, source, text))}\n\n"
    body = {"delta": text, "message": text, "workflow_id": task, "agent_id": source.agent}
    return f"event: thread.message.delta\ndata: {json.dumps(body)}\n\n"
