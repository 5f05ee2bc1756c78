"""POST /v1/completions: one model call, answered when it has ended or as it streams. See docs/completions.md."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.agent_tasks.models import Task, TaskState
from webapp.api.completion_request import COMPLETION, read_completion
from webapp.api.idempotency import place_of, told
from webapp.api.later import LATER, Head
from webapp.api.openai_errors import openai_error
from webapp.api.tasks import caller, ids_of
from webapp.common.values import JSON
from webapp.orchestration.completions import COMPLETE, Outcome, ask, outcome_of, place_for, query_of
from webapp.orchestration.control import cancel_task
from webapp.progress.hub import hub, in_thread
from webapp.tenants.rules import Principal

STATUSES = {  # of a task that failed, by the code of its error
    "budget.exceeded": 402,
    "policy.denied": 403,
    "model.refused": 400,
    "model.none_configured": 400,
    "model.price_unknown": 400,
    "embeddings.too_many": 400,
    "model.gone": 404,
    "model.rate_limited": 429,
    "model.unreachable": 502,
    "model.credentials_refused": 502,
    "model.reply_invalid": 502,
    "model.reply_malformed": 502,
    "model.overloaded": 503,
    "model.breaker_open": 503,
    "model.timeout": 504,
    "call.timeout": 504,
    "step.timeout": 504,
}
TOO_LONG = "No answer came within {:g} s"


class OpenAIView(APIView):
    errors_as_openai = True


class Completions(OpenAIView):
    """
    One model call, without agents: `messages` in, text or the model's calls of the caller's own `tools` out. Recorded,
    decided and held for like every call; the answer, or with `stream` server-sent events, comes when the model's does.
    """

    scopes: ClassVar = {"POST": "agents:execute"}
    bodies: ClassVar = {"POST": COMPLETION}

    def post(self, request: Request) -> Response:
        who, place = caller(request), place_of(request)
        asked = read_completion(request.data)
        place = None if asked.stream else place
        headers: dict[str, str] = {}
        if place is not None:
            place, repeated = place_for(who, place)
            headers = told(request, repeated=repeated)
        task = ask(
            principal=who,
            kind=COMPLETE,
            query=query_of(asked.messages),
            asked={
                "messages": asked.messages,
                **({} if asked.window is None else {"window": asked.window}),
                "tools": asked.tools,
                "options": asked.options,
                "stream": asked.stream,
            },
            session=asked.session,
            place=place,
        )
        finish = Streamed if asked.stream else Whole
        request._request.META[LATER] = finish(who, task, stays=place is not None)
        return Response({"task_id": str(task.id)}, status=202, headers={**ids_of(task), **headers})


class Whole:
    """
    Waits for the end, then answers with all of it.

    Args:
        stays: the task goes on when the client leaves, since it may come back for the answer.
    """

    def __init__(self, who: Principal, task: Task, *, stays: bool) -> None:
        self._who, self._task, self._stays = who, task, stays

    async def answer(self) -> AsyncGenerator[Head | bytes, None]:
        outcome = None
        async for heard in self._heard():
            outcome = heard if isinstance(heard, Outcome) else outcome
        status, body, headers = self.told(outcome)
        raw = json.dumps(body).encode()
        yield Head(status, {"content-type": "application/json", **headers}, len(raw))
        yield raw

    async def left(self) -> None:
        if not self._stays:
            await self._cancel("The client left")

    def told(self, outcome: Outcome | None) -> tuple[int, JSON, dict[str, str]]:
        """Status, body and headers."""
        if outcome is None:
            return 504, openai_error(504, TOO_LONG.format(settings.COMPLETION_WAIT_S), code="completion.timeout"), {}
        if outcome.state != TaskState.COMPLETED or outcome.output is None:
            return failure(outcome)
        return 200, self.body(outcome, outcome.output), {}

    def body(self, outcome: Outcome, output: JSON) -> JSON:
        return completion_body(str(self._task.id), output, outcome)

    async def _heard(self) -> AsyncGenerator[str | Outcome | None, None]:
        """Text as it streams, None for a sign of life, and the outcome at last; the time may be over before."""
        deadline = spoke_at = time.monotonic()
        deadline += settings.COMPLETION_WAIT_S
        read = partial(outcome_of, self._who.tenant_id, self._task.id)
        with hub().awaiting(self._task.id) as awaited:
            while time.monotonic() < deadline:
                look = await awaited.look(min(settings.SSE_POLL_S, settings.SSE_PING_S))
                if text := awaited.take_text():
                    spoke_at = time.monotonic()
                    yield text
                if look and (outcome := await in_thread(read)):
                    yield outcome
                    return
                if time.monotonic() - spoke_at >= settings.SSE_PING_S:
                    spoke_at = time.monotonic()
                    yield None
        await self._cancel("Its time was over")

    async def _cancel(self, reason: str) -> None:
        await in_thread(partial(cancel_task, principal=self._who, task=self._task.id, reason=reason))


class Streamed(Whole):
    """
    The text as it comes. Pieces may be lost on the way, or come of an attempt that failed: what counts is `done`, which
    has all of it; the rest of a text that began right is sent before it.
    """

    async def answer(self) -> AsyncGenerator[Head | bytes, None]:
        headers = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}
        yield Head(200, headers)
        sent, outcome = "", None
        async for heard in self._heard():
            if isinstance(heard, str):
                sent += heard
                yield frame({"type": "content_delta", "text": heard})
            elif heard is None:
                yield b": ping\n\n"
            else:
                outcome = heard
        status, body, _ = self.told(outcome)
        if status != 200:
            yield frame({"type": "error", "message": body["error"]["message"], "code": body["error"]["code"]})
        else:
            text = body["output_text"]
            if text.startswith(sent) and len(text) > len(sent):
                yield frame({"type": "content_delta", "text": text[len(sent) :]})
            yield frame({"type": "done", **body})
        yield b"data: [DONE]\n\n"


def frame(body: JSON) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


def failure(outcome: Outcome) -> tuple[int, JSON, dict[str, str]]:
    """Status, body and headers of a task that brought no answer."""
    if outcome.state == TaskState.CANCELLED:
        return 409, openai_error(409, "The completion was cancelled", code="completion.cancelled"), {}
    if outcome.state == TaskState.TIMEOUT or outcome.error is None:
        return 504, openai_error(504, TOO_LONG.format(settings.COMPLETION_WAIT_S), code="completion.timeout"), {}
    code, message = outcome.error["code"], outcome.error["message"]
    status = STATUSES.get(code, 500)
    after: Any = outcome.error.get("retry_after_s")
    headers = {"retry-after": str(max(1, round(after or 1)))} if status in (429, 503) else {}
    return status, openai_error(status, message, code=code), headers


def completion_body(task: str, output: JSON, outcome: Outcome) -> JSON:
    """The usage is all that the task was charged, attempts that failed included."""
    calls = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["raw"]}}
        for call in output.get("tool_calls", [])
    ]
    body = {
        "task_id": task,
        "provider": output["provider"],
        "model": output["model"],
        "output_text": output["text"],
        "usage": {
            "input_tokens": outcome.prompt_tokens,
            "output_tokens": outcome.completion_tokens,
            "total_tokens": outcome.prompt_tokens + outcome.completion_tokens,
            "cost_usd": float(outcome.cost_usd),
        },
        "finish_reason": output["finish_reason"],
    }
    if "cached" in output:
        body["cached"] = output["cached"]
    return body | ({"tool_calls": calls, "function_call": calls[0]["function"]} if calls else {})
