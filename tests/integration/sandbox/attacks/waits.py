"""Code that waits for what never comes, in a call that no interrupt reaches."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import SHORT, Attack


def waiting(name: str, code: str) -> Attack:
    return Attack(name, f"{code}\nprint('GOT OUT')", "timeout", "longer than", limits=SHORT)


WAITS = (
    waiting("sleep", "import time\ntime.sleep(10**6)"),
    waiting("sleep, as long as it goes", "import time\ntime.sleep(9 * 10**9)"),
    waiting("sleep, again and again", "import time\nwhile True:\n try: time.sleep(0.01)\n except BaseException: pass"),
    waiting("select", "import select\nselect.select([], [], [], 10**6)"),
    Attack("select without end", "import select\nselect.select([], [], [])", "crash|timeout", limits=SHORT),
    waiting("poll", "import select\nselect.poll().poll(10**6)"),
    waiting("asyncio", "import asyncio\nasyncio.run(asyncio.sleep(10**6))"),
    waiting("a scheduler", "import sched\ns = sched.scheduler()\ns.enter(10**6, 1, print)\ns.run()"),
    waiting("an event with a time", "import threading\nwhile not threading.Event().wait(10**6): pass"),
    waiting("a queue with a time", "import queue\nqueue.Queue().get(timeout=10**6)"),
    Attack(
        "a lock taken twice",
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        "crash|timeout",
        limits=SHORT,
    ),
    Attack("a queue", "import queue\nqueue.Queue().get()", "crash|timeout", limits=SHORT),
    Attack("a barrier", "import threading\nthreading.Barrier(2).wait()", "crash|timeout", limits=SHORT),
    Attack("more input", "import os\nprint([os.read(0, 100) for _ in range(100)] == [b''] * 100)", "ok", "True"),
    Attack("more lines", "import sys\ninput()", "error", "EOFError"),
)
