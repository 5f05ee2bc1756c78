"""CPU of a streamed model call in one process: the SDK's typed stream, and the gateway.

    python -m benchmarks.gateway.chunks [--streams 200] [--chunks 100] [--delay 0.05]

Both go through the same SDK, transport and scripted model server, which is a process of its own; each of the two runs
in a process of its own too. `per call` is a call of one chunk, `per chunk` what each further one adds, `memory` the
growth of the process by each open stream. Times are CPU (user and system) of the client.

The delay leaves the process idle at times. Without, chunks pile up and are read several at once: the slower reader
then has fewer reads to do, and both look better than they are.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anthropic
import httpx2
import openai

from tests.support.model_server import ModelServer
from workers.gateway import catalogue as module
from workers.gateway.catalogue import Catalogue
from workers.gateway.clients import ModelProvider
from workers.gateway.providers import build_providers
from workers.gateway.types import ModelRequest

PROMPT = [{"role": "user", "content": "Why is the sky blue? " * 100}]
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-5-5"}
WIDE = 20_000  # connections: never the limit here
Call = Callable[[], Awaitable[int]]


@dataclass(frozen=True)
class Figures:
    call_ms: float
    chunk_ms: float
    stream_kib: float


@dataclass(frozen=True)
class Plan:
    protocol: str
    reader: str
    streams: int
    chunks: int
    delay_s: float


def main() -> None:
    options = parsed()
    print(f"{options.streams} streams of {options.chunks} chunks, {options.delay:g} s between them\n")
    print(f"{'':22}{'per call':>12}{'per chunk':>12}{'memory':>14}")
    for protocol in MODELS:
        found = {
            reader: measured(Plan(protocol, reader, options.streams, options.chunks, options.delay))
            for reader in ("sdk", "gateway")
        }
        for reader, f in found.items():
            print(f"{protocol + ', ' + reader:22}{f.call_ms:9.2f} ms{f.chunk_ms:9.4f} ms{f.stream_kib:10.0f} KiB")
        sdk, ours = found["sdk"], found["gateway"]
        print(f"{'ratio':22}{sdk.call_ms / ours.call_ms:12.1f}{sdk.chunk_ms / ours.chunk_ms:12.1f}\n")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU per streamed chunk: the SDK's typed stream and the gateway.")
    parser.add_argument("--streams", type=int, default=200, help="at the same time")
    parser.add_argument("--chunks", type=int, default=100, help="of text in each stream; at least 2")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds between two chunks of a stream")
    return parser.parse_args()


def measured(plan: Plan) -> Figures:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run, (plan,))


def run(plan: Plan) -> Figures:
    server = ModelServer()
    try:
        return asyncio.run(_run(plan, server))
    finally:
        server.stop()


async def _run(plan: Plan, server: ModelServer) -> Figures:
    async with Readers(plan.protocol, server) as readers:
        call = readers.sdk if plan.reader == "sdk" else readers.gateway
        server.script([_rule(1, 0)])
        await call()  # imports, and the first connection
        before_kib = _peak_kib()
        short = await _cpu_s(call, plan.streams)
        server.script([_rule(plan.chunks, plan.delay_s)])
        whole = await _cpu_s(call, plan.streams)
    return Figures(
        call_ms=short / plan.streams * 1000,
        chunk_ms=(whole - short) / plan.streams / (plan.chunks - 1) * 1000,
        stream_kib=(_peak_kib() - before_kib) / plan.streams,
    )


def _rule(chunks: int, delay_s: float) -> dict[str, object]:
    return {"reply": {"text": "scatter " * chunks, "chunks": chunks, "chunk_delay_s": delay_s}}


async def _cpu_s(call: Call, streams: int) -> float:
    began = time.process_time()
    lengths = await asyncio.gather(*(call() for _ in range(streams)))
    spent = time.process_time() - began
    assert len(set(lengths)) == 1 and lengths[0], "every stream brings the same text"
    return spent


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Readers:
    """Both ways of reading, each with a client of its own; they return the length of the text."""

    def __init__(self, protocol: str, server: ModelServer) -> None:
        self.protocol, self.server = protocol, server

    async def __aenter__(self) -> Readers:
        limits = httpx2.Limits(max_connections=WIDE, max_keepalive_connections=WIDE)
        self.openai = openai.AsyncOpenAI(
            api_key="none",
            base_url=self.server.base_url,
            max_retries=0,
            http_client=openai.DefaultAioHttpClient(limits=limits),
        )
        self.anthropic = anthropic.AsyncAnthropic(
            api_key="none",
            base_url=self.server.root_url,
            max_retries=0,
            http_client=anthropic.DefaultAioHttpClient(limits=limits),
        )
        self.provider = self._provider()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.openai.close()
        await self.anthropic.close()
        await self.provider.close()  # type: ignore[attr-defined]

    async def sdk(self) -> int:
        return await (self._typed_openai() if self.protocol == "openai" else self._typed_anthropic())

    async def gateway(self) -> int:
        request = ModelRequest("turn", self.protocol, MODELS[self.protocol], PROMPT, "Why?", on_delta=_listen)  # type: ignore[arg-type]
        return len((await self.provider.complete(request)).text)

    async def _typed_openai(self) -> int:
        size = 0
        async with await self.openai.chat.completions.create(
            model=MODELS["openai"],
            messages=PROMPT,  # type: ignore[arg-type]
            stream=True,
            stream_options={"include_usage": True},
        ) as stream:
            async for chunk in stream:
                text = chunk.choices[0].delta.content if chunk.choices else None
                if text:
                    await _listen(text)
                    size += len(text)
        return size

    async def _typed_anthropic(self) -> int:
        size = 0
        async with await self.anthropic.messages.create(
            model=MODELS["anthropic"],
            messages=PROMPT,  # type: ignore[arg-type]
            max_tokens=4096,
            stream=True,
        ) as stream:
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    await _listen(event.delta.text)
                    size += len(event.delta.text)
        return size

    def _provider(self) -> ModelProvider:
        environ = {"OPENAI_BASE_URL": self.server.base_url, "ANTHROPIC_BASE_URL": self.server.root_url}
        environ |= {f"CONFIG__PROVIDERS__{name.upper()}__CONNECTIONS": str(WIDE) for name in MODELS}
        path = Path(module.__file__).with_name("catalogue.yaml")
        return build_providers(Catalogue.load(path, environ))[self.protocol]


async def _listen(_piece: str) -> None:
    pass


if __name__ == "__main__":
    main()
