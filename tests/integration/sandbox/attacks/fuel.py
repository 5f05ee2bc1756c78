"""Code against a meter: it ends when the fuel does, whatever it catches, and no figure of it can be forged."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import Attack

METERED = {"fuel": 100_000_000, "wall_s": 10}


def thirsty(name: str, code: str) -> Attack:
    return Attack(name, f"{code}\nprint('GOT OUT')", "fuel", "fuel", limits=METERED)


FUEL = (
    thirsty("while", "while True: pass"),
    thirsty("while, catching all", "while True:\n try:\n  while True: pass\n except BaseException: pass"),
    thirsty("a sum in C", "import itertools\nsum(itertools.repeat(1))"),
    thirsty("a regular expression", "import re\nre.match('(a*)*b', 'a' * 60)"),
    thirsty("big integers", "x = 7 ** 10**8"),
    thirsty("a finalizer", "class E:\n def __del__(self):\n  while True: pass\nE()"),
    Attack("a wait, which costs none", "import time\ntime.sleep(10**6)", "timeout", limits=METERED | {"wall_s": 0.1}),
    Attack("less than the interpreter needs", "1", "fuel", limits={"fuel": 1}),
    Attack("enough", "print(sum(range(1000)))", "ok", "499500", limits=METERED),
)
