"""Injects faults on a seeded schedule, and keeps which steps each of them interrupted."""

from __future__ import annotations

import heapq
import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.chaos.crew import GENERAL, WORKERS, Crew
from benchmarks.chaos.rows import Rows

SUDDEN = ("kill", "term", "flush", "redis", "postgres", "freeze")  # on the schedule
STANDING = ("hints", "clock")  # all the time
AWAY_S = (1.0, 2.0)  # until a killed worker is started again
OUTAGE_S = (0.2, 1.5)  # until a service is
BEYOND_S = 5.0  # for so much longer than a lease a worker is frozen
DRAIN_S = 15.0


@dataclass(frozen=True)
class Interruption:
    """
    Attributes:
        at: seconds of the wall clock, which is the database's.
        attempts: the (task, step, attempt) that ran there.
    """

    fault: str
    at: float
    attempts: list[tuple[str, int, int]]


@dataclass
class Injector:
    crew: Crew
    rows: Rows
    rng: random.Random
    kinds: Sequence[str]
    every_s: float
    lease_s: float
    injected: Counter[str] = field(default_factory=Counter)
    interruptions: list[Interruption] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    _later: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _away: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._number = itertools.count()
        self._next = time.monotonic() + self.every_s
        self._order = self._shuffled()

    def step(self) -> None:
        """Do what is due by now."""
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()
            self._tell("back or still away")
        if self.kinds and time.monotonic() >= self._next:
            kind = next(self._order)
            if getattr(self, f"_{kind}")():
                self.injected[kind] += 1
                self._tell(kind)
            self._next = time.monotonic() + self.rng.expovariate(1 / self.every_s)

    def heal(self) -> None:
        """No more faults; what is away comes back when its time has come."""
        self.kinds = ()
        while self._later:
            self.step()
            time.sleep(0.05)

    def _shuffled(self) -> Iterator[str]:
        """Each kind as often as the others; kills twice as often."""
        while self.kinds:
            bag = [*self.kinds, *(kind for kind in self.kinds if kind == "kill")]
            self.rng.shuffle(bag)
            yield from bag

    def _tell(self, what: str) -> None:
        self.history.append(f"{time.strftime('%H:%M:%S', time.gmtime())} {what}; away: {sorted(self._away)}")

    def _in(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._number), action))

    def _victim(self, names: Sequence[str]) -> str | None:
        """Someone who is there, and away from now on."""
        found = sorted(set(names) - self._away)
        if not found:
            return None
        self._away.add(name := self.rng.choice(found))
        return name

    def _interrupted(self, fault: str, worker: str) -> None:
        at = time.time()
        if "postgres" not in self._away:
            self.interruptions.append(Interruption(fault, at, self.rows.running_on(worker)))

    # --- the kinds; each tells whether it found something to break ---

    def _kill(self) -> bool:
        name = self._victim((*WORKERS, "beat"))
        if name:
            self.crew.send(name, signal.SIGKILL)
            self._interrupted("kill", name)
            self.crew.gone(name, 5)
            self._in(self.rng.uniform(*AWAY_S), lambda: self._relaunch(name))
        return bool(name)

    def _term(self) -> bool:
        name = self._victim(tuple(WORKERS))
        if name:
            self.crew.send(name, signal.SIGTERM)
            self._in(self.rng.uniform(*AWAY_S), lambda: self._after_term(name, time.monotonic() + DRAIN_S))
        return bool(name)

    def _after_term(self, name: str, deadline: float) -> None:
        if self.crew.processes[name].poll() is None and time.monotonic() < deadline:
            self._in(0.2, lambda: self._after_term(name, deadline))
            return
        if self.crew.processes[name].poll() is None:
            self.injected["term that had to be killed"] += 1
        self.crew.gone(name, 0)
        self._relaunch(name)

    def _relaunch(self, name: str) -> None:
        self.crew.launch(name)
        self._away.discard(name)

    def _freeze(self) -> bool:
        """One at a time, and one that others can stand in for."""
        name = None if self._away & {f"frozen {name}" for name in GENERAL} else self._victim(GENERAL)
        if name:
            self._away.add(f"frozen {name}")
            self.crew.send(name, signal.SIGSTOP)
            self._interrupted("freeze", name)
            self._in(self.lease_s + BEYOND_S, lambda: self._thaw(name))
        return bool(name)

    def _thaw(self, name: str) -> None:
        self.crew.send(name, signal.SIGCONT)
        self._away -= {name, f"frozen {name}"}

    def _flush(self) -> bool:
        try:
            with Redis.from_url(self.crew.services.env["REDIS_URL"], socket_timeout=5) as redis:
                redis.flushall()
        except RedisError:
            return False  # it is away
        return True

    def _redis(self) -> bool:
        if "valkey" in self._away:
            return False
        self._away.add("valkey")
        self.crew.end_service("valkey", signal.SIGKILL)
        self._in(self.rng.uniform(*OUTAGE_S), self._redis_back)
        return True

    def _redis_back(self) -> None:
        self.crew.launch_valkey()
        self._away.discard("valkey")

    def _postgres(self) -> bool:
        """An immediate shutdown, or the postmaster is killed: in both cases the next start recovers from the log."""
        if "postgres" in self._away:
            return False
        self._away.add("postgres")
        self.crew.end_service("postgres", self.rng.choice((signal.SIGQUIT, signal.SIGKILL)))
        self._in(self.rng.uniform(*OUTAGE_S), self._postgres_back)
        return True

    def _postgres_back(self) -> None:
        self.crew.launch_postgres()
        self._away.discard("postgres")
