"""
Embedding calls of one tenant that wait at the same moment travel as one request to the provider.

The first is sent at once, alone. Only while it is under way others are collected, for a few milliseconds, and go
together. Nothing is cheaper for that: there are fewer requests, each of which counts against the provider's rate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from workers.gateway.errors import ModelError
from workers.gateway.types import EmbedReply, EmbedRequest, Usage

WINDOW_S = 0.005
TEXTS_AT_MOST = 64
Send = Callable[[EmbedRequest], Awaitable[EmbedReply]]


@dataclass
class _Waiting:
    request: EmbedRequest
    reply: asyncio.Future[EmbedReply]


@dataclass
class _Line:
    """Of one tenant and one way to ask."""

    under_way: int = 0
    waiting: list[_Waiting] = field(default_factory=list)
    window: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return not self.under_way and not self.waiting


class EmbedBatches:
    """Of one process; made in the loop that uses it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lines: dict[tuple[object, ...], _Line] = {}

    async def embed(self, tenant: UUID, request: EmbedRequest) -> EmbedReply:
        """
        The vectors of this request's texts, with its share of the usage. A request that fails fails for all in it.

        Raises:
            ModelError.
        """
        asked = (request.provider, request.model, request.dimensions, request.api_key, request.timeout_s)
        key = (tenant, *asked)
        line = self._lines.setdefault(key, _Line())
        try:
            if line.idle:
                return await self._counted(line, request)
            return await self._collected(line, request)
        finally:
            if line.idle:
                self._lines.pop(key, None)

    async def _counted(self, line: _Line, request: EmbedRequest) -> EmbedReply:
        line.under_way += 1
        try:
            return await self._send(request)
        finally:
            line.under_way -= 1

    async def _collected(self, line: _Line, request: EmbedRequest) -> EmbedReply:
        mine = _Waiting(request, asyncio.get_running_loop().create_future())
        line.waiting.append(mine)
        if line.window is None:
            line.window = asyncio.create_task(self._collect(line))
        return await mine.reply

    async def _collect(self, line: _Line) -> None:
        await asyncio.sleep(WINDOW_S)
        line.window = None
        while going := _taken(line):
            await self._together(line, going)

    async def _together(self, line: _Line, going: Sequence[_Waiting]) -> None:
        merged = replace(
            going[0].request,
            texts=[text for each in going for text in each.request.texts],
            on_sending=lambda: _sending(going),
        )
        sent = asyncio.ensure_future(self._counted(line, merged))
        for each in going:
            each.reply.add_done_callback(lambda _done: sent.cancel() if _all_gone(going) else None)
        try:
            _share_out(going, await sent)
        except Exception as error:  # whoever waits must hear of it, whatever it is
            _fail(going, error)
        except asyncio.CancelledError:
            for each in going:
                each.reply.cancel()


def _taken(line: _Line) -> list[_Waiting]:
    """As many as fit into one request, at least one; who has gone in the meantime is left out."""
    line.waiting = [each for each in line.waiting if not each.reply.done()]
    taken: list[_Waiting] = []
    texts = 0
    while line.waiting and (not taken or texts + len(line.waiting[0].request.texts) <= TEXTS_AT_MOST):
        taken.append(line.waiting.pop(0))
        texts += len(taken[-1].request.texts)
    return taken


def _sending(going: Sequence[_Waiting]) -> None:
    for each in going:
        if each.request.on_sending and not each.reply.done():
            each.request.on_sending()


def _all_gone(going: Sequence[_Waiting]) -> bool:
    return all(each.reply.cancelled() for each in going)


def _share_out(going: Sequence[_Waiting], reply: EmbedReply) -> None:
    begin = 0
    for each, usage in zip(going, shares(reply.usage, [each.request.texts for each in going]), strict=True):
        end = begin + len(each.request.texts)
        if not each.reply.done():
            each.reply.set_result(replace(reply, vectors=reply.vectors[begin:end], usage=usage))
        begin = end


def _fail(going: Sequence[_Waiting], error: Exception) -> None:
    texts = [each.request.texts for each in going]
    for place, each in enumerate(going):
        own = _as_another(error)
        if isinstance(own, ModelError) and own.usage:
            own.usage = shares(own.usage, texts)[place]
        if not each.reply.done():
            each.reply.set_exception(own)


def _as_another(error: Exception) -> Exception:
    """Raised in several places, one error would collect all their tracebacks. Its class wants other arguments than args."""
    own = type(error).__new__(type(error), *error.args)
    own.__dict__.update(error.__dict__)
    return own


def shares(usage: Usage, texts: Sequence[Sequence[str]]) -> list[Usage]:
    """By the texts' lengths; together exactly the whole."""
    lengths = [sum(map(len, each)) + len(each) for each in texts]
    whole, left = sum(lengths), usage.prompt_tokens
    found = []
    for length in lengths:
        share = left * length // whole
        found.append(replace(usage, prompt_tokens=share))
        whole, left = whole - length, left - share
    return found
