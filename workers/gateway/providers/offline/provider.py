"""The offline provider: answers model requests by rules, from the request alone."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from workers.fences import within
from workers.gateway.providers.offline import tokens
from workers.gateway.providers.offline.beginnings import beginnings
from workers.gateway.providers.offline.embed import DIMENSIONS, vector
from workers.gateway.providers.offline.plan import SUBTASKS_LIMIT, plan_text
from workers.gateway.providers.offline.synthesis import synthesis
from workers.gateway.providers.offline.work import Job, chart_job, items_of, jobs_of
from workers.gateway.providers.offline.writeup import write_up
from workers.gateway.types import EmbedReply, EmbedRequest, Message, ModelReply, ModelRequest, ToolCall, Usage

Results = dict[tuple[str, str], dict[str, Any]]

PIECE = re.compile(r"(?:\S+\s*){1,4}|\s+")


class OfflineProvider:
    """`data_root` is where the tools find attached files."""

    def __init__(self, *, data_root: str = "/data") -> None:
        self._root = data_root

    async def complete(self, request: ModelRequest) -> ModelReply:
        match request.purpose:
            case "plan":
                return await _told(request, plan_text(request.query, request.files, request.subtasks or SUBTASKS_LIMIT))
            case "synthesise":
                return await _told(request, synthesis(request.messages))
            case "summarise":
                return await _told(request, beginnings(request.messages[-1]["content"] or ""))
        return await self._turn(request)

    async def embed(self, request: EmbedRequest) -> EmbedReply:
        vectors = [vector(text, request.dimensions or DIMENSIONS) for text in request.texts]
        usage = Usage(sum(map(tokens.count, request.texts)))
        return EmbedReply(vectors, request.provider, request.model, usage)

    async def _turn(self, request: ModelRequest) -> ModelReply:
        """Call what has not been called yet, as much as fits; write up when nothing is left to call."""
        items = items_of(request.query, request.files)
        results = _results(request.messages)
        jobs = _with_charts(jobs_of(items, request.files, root=self._root), results)
        waiting = [job for job in jobs if (job.tool, job.raw) not in results]
        calls, left = _callable(waiting, {tool["name"] for tool in request.offered}, request.max_tokens, len(results))
        if calls:
            return _reply(request, "", calls, "tool_calls")
        done = [(job, results[job.tool, job.raw]) for job in jobs if job not in waiting]
        return await _told(request, write_up(items, request.files, done, left))


def _with_charts(jobs: Sequence[Job], results: Results) -> list[Job]:
    """Each job, followed by the one that draws its result once there is one."""
    found: list[Job] = []
    for job in jobs:
        drawn = chart_job(job, results.get((job.tool, job.raw), {}))
        found += [job, drawn] if drawn else [job]
    return found


def _callable(
    jobs: Sequence[Job], offered: set[str], limit: int, before: int
) -> tuple[list[ToolCall], list[tuple[Job, str]]]:
    """As many calls as fit into `limit` tokens; and the jobs that can't be called at all, with the reason."""
    calls: list[ToolCall] = []
    left: list[tuple[Job, str]] = []
    for job in jobs:
        size = _call_tokens(job.tool, job.raw)
        if job.tool not in offered:
            left.append((job, f"the tool `{job.tool}` is not available"))
        elif size > limit:
            left.append((job, f"the call takes {size:,} tokens, and {limit:,} are left"))
        elif sum(_call_tokens(call.name, call.raw) for call in calls) + size <= limit:
            number = before + len(calls) + 1
            calls.append(ToolCall(id=f"call_{number}", name=job.tool, arguments=job.arguments, raw=job.raw))
    return calls, left


def _call_tokens(name: str, raw: str) -> int:
    return tokens.count(name) + tokens.count(raw)


def _results(messages: Sequence[Message]) -> Results:
    """What tools returned, by tool and arguments: that is how a job finds its own result again."""
    asked = {
        call["id"]: (call["function"]["name"], call["function"]["arguments"])
        for message in messages
        for call in message.get("tool_calls", [])
    }
    found = {}
    for message in messages:
        key = asked.get(message.get("tool_call_id", ""))
        if message["role"] == "tool" and key:
            found[key] = _parsed(message["content"])
    return found


def _parsed(content: str | None) -> dict[str, Any]:
    try:
        result = json.loads(within(content or ""))
    except ValueError:
        result = None
    if isinstance(result, dict):
        return result
    return {
        "ok": False,
        "error": {"code": "tool.unreadable", "message": "The tool's result is not a JSON object"},
    }


async def _told(request: ModelRequest, text: str) -> ModelReply:
    """Stream the text a few words at a time; what exceeds the limit is cut, as a model would."""
    shown = tokens.cut(text, request.max_tokens)
    if request.on_delta:
        for piece in PIECE.findall(shown):
            await request.on_delta(piece)
            await asyncio.sleep(0)
    return _reply(request, shown, [], "stop" if shown == text else "length")


def _reply(request: ModelRequest, text: str, calls: Sequence[ToolCall], reason: str) -> ModelReply:
    spent = tokens.count(text) + sum(_call_tokens(call.name, call.raw) for call in calls)
    usage = Usage(prompt_tokens=tokens.prompt_tokens(request.messages, request.offered), completion_tokens=spent)
    return ModelReply(
        text=text,
        provider=request.provider,
        model=request.model,
        usage=usage,
        finish_reason=reason,
        tool_calls=calls,
    )
