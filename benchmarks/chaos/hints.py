"""Bells that can't be trusted: some hints are never sent, some twice, some late."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable

from benchmarks.chaos.witnesses import note
from webapp.orchestration import dispatch
from webapp.orchestration.steps import ReadyStep

DROPPED, TWICE, DELAYED = 0.08, 0.3, 0.1  # shares of all hints
DELAY_S = 4.0


def distrust(seed: str) -> None:
    """From now on this process sends its hints so."""
    rng = random.Random(seed)
    send = dispatch.send_hints

    def unreliable(ready: Iterable[ReadyStep]) -> None:
        now: list[ReadyStep] = []
        late: list[ReadyStep] = []
        dropped = twice = 0
        for step in ready:
            lot = rng.random()
            if lot < DROPPED:
                dropped += 1
            elif lot < DROPPED + TWICE:
                now += [step, step]
                twice += 1
            elif lot < DROPPED + TWICE + DELAYED:
                late.append(step)
            else:
                now.append(step)
        if dropped or twice or late:
            note(dropped=dropped, twice=twice, delayed=len(late))
        if late:
            timer = threading.Timer(rng.uniform(0.2, DELAY_S), send, [late])
            timer.daemon = True
            timer.start()
        send(now)

    dispatch.send_hints = unreliable
