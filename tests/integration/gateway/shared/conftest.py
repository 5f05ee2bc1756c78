"""A Valkey that tests may kill, and workers, each with connections of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from tests.support.acme import Acme
from tests.support.own_valkey import OwnValkey
from webapp.common.breakers import BreakerState, breaker_states
from workers.gateway import line
from workers.gateway.line import Line
from workers.gateway.shared import SharedGuards


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy for a second is not a Redis that is away; tests of that say otherwise."""
    monkeypatch.setattr(line, "ANSWER_S", 30.0)


@pytest.fixture(scope="package")
def _valkey() -> Iterator[OwnValkey]:
    own = OwnValkey()
    yield own
    own.stop()


@pytest.fixture
def valkey(_valkey: OwnValkey) -> OwnValkey:
    return _valkey


@pytest.fixture
async def worker(valkey: OwnValkey) -> AsyncIterator[Callable[[], SharedGuards]]:
    made: list[SharedGuards] = []

    def build() -> SharedGuards:
        made.append(SharedGuards(Line.to(valkey.url, connections=10)))
        return made[-1]

    yield build
    for guards in made:
        await guards.close()


@pytest.fixture
def state_of(valkey: OwnValkey) -> Callable[[Acme], BreakerState | None]:
    def read(acme: Acme) -> BreakerState | None:
        return next((state for state in breaker_states(valkey.client) if state.provider == acme.name), None)

    return read


@pytest.fixture
def becomes(state_of: Callable[[Acme], BreakerState | None]) -> Callable[[Acme, str], Awaitable[BreakerState]]:
    """What a worker says of an ended call is on its way for a moment."""

    async def wait(acme: Acme, wanted: str, within_s: float = 30) -> BreakerState:
        deadline = time.monotonic() + within_s
        while (state := state_of(acme)) is None or state.state != wanted:
            assert time.monotonic() < deadline, f"it is {state}"
            await asyncio.sleep(0.005)
        return state

    return wait
