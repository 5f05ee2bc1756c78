"""A Valkey that tests may kill, and workers, each with connections of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast
from uuid import UUID

import pytest

from tests.support.own_valkey import OwnValkey
from webapp.orchestration.steps import Granted
from workers.gateway import line
from workers.gateway.entries import BreakerLimits
from workers.tool_limits import within_limits
from workers.toolbox.limits.guards import ToolGuards
from workers.toolbox.tool import Tool, ToolContext, ToolResult


class Worker:
    """Calls tools within their limits, as one process of several does."""

    def __init__(self, url: str) -> None:
        self.guards = ToolGuards(url, connections=10, breaker=BreakerLimits(failures=3, recovery_s=2))

    async def call(
        self, tool: Tool, tenant: UUID, text: str = "x", *, takes_s: float = 0, wait_s: float = 20
    ) -> ToolResult:
        """`wait_s`: for a turn, at most."""

        async def run() -> ToolResult:
            return await tool.run({"text": text, "takes_s": takes_s}, cast(ToolContext, _Nowhere()))

        return await within_limits(self.guards.of(tool, tenant), tool, Granted(seconds=2 * wait_s), run)


class _Nowhere:
    task_id = "none"


@pytest.fixture(scope="package")
def _valkey() -> Iterator[OwnValkey]:
    own = OwnValkey()
    yield own
    own.stop()


@pytest.fixture
def valkey(_valkey: OwnValkey, monkeypatch: pytest.MonkeyPatch) -> OwnValkey:
    monkeypatch.setattr(line, "AWAY_S", 0.1)
    monkeypatch.setattr(line, "ANSWER_S", 30.0)  # a machine that is busy for a second is not a Redis that is away
    _valkey.client.flushall()
    return _valkey


@pytest.fixture
async def worker(valkey: OwnValkey) -> AsyncIterator[Callable[[], Any]]:
    made: list[Worker] = []

    def build() -> Worker:
        made.append(Worker(valkey.url))
        return made[-1]

    yield build
    for each in made:
        await each.guards.close()
