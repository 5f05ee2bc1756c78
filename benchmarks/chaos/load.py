"""The load: real tasks through the front door, and random DAGs of marking steps for volume."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError, connections

from webapp.orchestration.steps import NewStep
from webapp.orchestration.submit import Submission, submit_task
from webapp.tenants.rules import Principal

REAL_EVERY = 8  # each so-manieth task goes through the front door
REAL_STEPS = 9  # about so many steps it has
SESSIONS = 40  # DAGs share them, so that budgets are contended for
SLEEP_S = 1.5
PAID = 0.25  # share of marking steps with a hold
SCRIPT: list[dict[str, Any]] = [  # each agent marks once, then answers
    {
        "match": {"system_contains": "You are an agent", "last_role": "user"},
        "reply": {
            "delay_s": 0.3,
            "tool_calls": [{"name": "marker", "arguments": {"text": "chaos", "delay_s": 0.3}}],
        },
    },
    {"match": {}, "reply": {"delay_s": 0.3}},
]


def random_dag(rng: random.Random) -> list[NewStep]:
    """4 to 40 marking steps; the last waits for all that nothing else waits for."""
    count = rng.randint(4, 40)
    steps, leaves = [], set(range(count - 1))
    for position in range(count - 1):
        near = range(max(0, position - 6), position)
        after = tuple(sorted(rng.sample(near, min(len(near), rng.choice((0, 1, 1, 1, 2, 3))))))
        leaves -= set(after)
        steps.append(_marking(rng, after))
    return [*steps, _marking(rng, tuple(sorted(leaves)), is_final=True)]


def _marking(rng: random.Random, after: tuple[int, ...], is_final: bool = False) -> NewStep:
    given = {"sleep_s": round(rng.uniform(0, SLEEP_S), 3), "paid": rng.random() < PAID}
    return NewStep("control.mark", description="Leaves a mark", input=given, after=after, is_final=is_final)


@dataclass
class Load:
    """
    Submits in a thread of its own until enough steps are written or it is told to stop.

    Attributes:
        errors: what a submission raised besides an absent database, by its kind.
    """

    principal: Principal
    rng: random.Random
    wanted: int
    room: Callable[[], bool]
    steps: int = 0
    tasks: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while self.steps < self.wanted and not self.stopping.is_set():
            try:
                if not self.room():
                    time.sleep(0.1)
                    continue
                self.steps += self._submit()
                self.tasks += 1
            except (OperationalError, InterfaceError):  # Postgres is away
                connections["default"].close()
                time.sleep(0.2)
            except Exception as error:  # nothing else may get through to whoever submits
                self.errors[type(error).__name__] += 1
        connections["default"].close()

    def _submit(self) -> int:
        query = f"Leave your marks [chaos-{self.rng.getrandbits(64):x}]"
        if self.tasks % REAL_EVERY == 0:
            mode = self.rng.choice(("simple", "standard"))
            submit_task(principal=self.principal, submission=Submission(query=query, mode=mode))
            return REAL_STEPS
        steps = random_dag(self.rng)
        session = f"chaos-{self.tasks % SESSIONS}"
        submission = Submission(query=query, mode="simple", session=session)
        submit_task(principal=self.principal, submission=submission, steps=steps)
        return len(steps)
