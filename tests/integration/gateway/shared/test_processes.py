"""The breaker over real processes: probes are counted, and one dies with a probe on its way."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from contextlib import suppress
from uuid import uuid4

import pytest

from tests.support.acme import Acme
from tests.support.services import ROOT, die_with_parent
from webapp.common.breakers import breaker_states
from workers.gateway.errors import BreakerOpen, ModelOverloaded


class Caller:
    """See tests/support/caller.py. `arrived`: when its calls reached the provider."""

    def __init__(self, url: str, provider: str, *, recovery_s: float, answer_s: float) -> None:
        command = [sys.executable, "-m", "tests.support.caller", url, provider, f"{recovery_s}", f"{answer_s}"]
        self.arrived: list[float] = []
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            if line.startswith("arrived "):  # there are log lines, too
                self.arrived.append(float(line.split()[1]))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()


@pytest.fixture
def callers(valkey):
    made: list[Caller] = []

    def start(provider: str, **times: float) -> Caller:
        made.append(Caller(valkey.url, provider, **times))
        return made[-1]

    yield start
    for caller in made:
        caller.kill()


def state_of(valkey, provider: str):
    return next((state for state in breaker_states(valkey.client) if state.provider == provider), None)


async def until(check, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_processes_send_one_probe_per_recovery(valkey, callers):
    name = f"dead-{uuid4().hex[:8]}"
    crew = [callers(name, recovery_s=0.8, answer_s=0.01) for _ in range(2)]
    await until(lambda: (state := state_of(valkey, name)) and state.probes >= 5 and all(c.arrived for c in crew))
    for caller in crew:
        caller.kill()
    known = state_of(valkey, name).probes - len(crew)  # of those who were killed on their way nobody has heard
    arrived = sorted(moment for caller in crew for moment in caller.arrived)[-known:]
    assert min(b - a for a, b in itertools.pairwise(arrived)) > 0.75


async def test_the_right_of_a_process_that_dies_with_its_probe_goes_to_another(valkey, callers, worker, becomes):
    acme, here = Acme(recovery_s=1), worker()
    acme.down = True
    for _ in range(3):
        with pytest.raises(ModelOverloaded):
            await acme.call(here)
    hanging = callers(acme.name, recovery_s=1, answer_s=60)
    await until(lambda: hanging.arrived)
    hanging.kill()
    died, acme.down = time.monotonic(), False
    with pytest.raises(BreakerOpen):
        await acme.call(here)
    while len(acme.arrived) < 4:
        with suppress(BreakerOpen):
            await acme.call(here)
        await asyncio.sleep(0.01)
    assert acme.arrived[-1] - died < 15, "not when its call would have ended"
    assert (await becomes(acme, "closed")).probes == 2
