"""Untrusted code in the real image: each way out ends in a clear, contained error within its limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.errors import FilesRefused
from sandbox.keeper import Job, Keeper
from sandbox.limits import KIB, MIB

FLOOD = "import wit_world\nwhile True: wit_world.emit('stdout', '')"
HUGE_PIECE = "import wit_world\nwit_world.emit('stdout', 'x' * 10**7)"


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("open('/etc/passwd').read()", "error", "FileNotFoundError"),
        ("import os; os.listdir('/')", "error", "Error: [Errno"),
        ("import socket; socket.create_connection(('127.0.0.1', 80))", "error", "gaierror"),
        ("import socket; socket.socket().connect(('127.0.0.1', 80))", "error", "PermissionError"),
        ("import subprocess; subprocess.run(['ls'])", "error", "does not support processes"),
        ("import threading; threading.Thread(target=print).start()", "error", "can't start new thread"),
        ("while True: pass", "timeout", "longer than 2 s"),
        ("import re; re.match('(a*)*b', 'a' * 40)", "timeout", "longer than 2 s"),
        ("while True:\n try:\n  while True: pass\n except BaseException: pass", "timeout", "longer than 2 s"),
        ("import time; time.sleep(1000)", "timeout", "longer than 2 s"),
        ("import select; select.select([], [], [], 1000)", "timeout", "longer than 2 s"),
        ("x = bytearray(2 * 10**9)", "memory", "256 MiB of memory"),
        ("x = []\nwhile True: x.append(bytearray(10**7))", "memory", "256 MiB of memory"),
        ("print('x' * 10**7)", "output", "1 MiB of output"),
        ("while True:\n try: print('x' * 1000)\n except BaseException: pass", "output", "1 MiB of output"),
        ("'x' * 10**7", "output", "1 MiB of output"),
        (FLOOD, "output", "20000 pieces"),
        (HUGE_PIECE, "output", "1 MiB of output"),
        ("import hartley\nhartley.save('big', 'x' * 10**7)", "output", "8 MiB"),
        ("import hartley\nfor n in range(30): hartley.save(f'{n}', '')", "output", "20 files"),
        ("def f(): return f()\nf()", "error", "RecursionError"),
        ("x = []\nfor _ in range(10**5): x = [x]\nx", "error", "stack of 2 MiB"),
        ("(" * 1000, "error", "SyntaxError"),
        ("eval('(' * 10000)", "error", "too complex"),
        ("raise SystemExit(3)", "error", "SystemExit: 3"),
        ("import os; os._exit(3)", "error", "os._exit"),
        ("import os; os.abort()", "crash", "unreachable"),
        ("import sys; sys.stdout.write('a\\x00b'); 1/0", "error", "ZeroDivisionError"),
        ("class E(Exception):\n def __str__(self): raise SystemExit\nraise E", "error", "E"),
        ("import json\njson.dumps = lambda x: 'forged'", "crash", "unreadable"),
    ],
)
async def test_it_is_contained_and_the_next_run_works(keeper: Keeper, code: str, status: str, said: str) -> None:
    late = status == "timeout"
    outcome = await keeper.run(Job(code), keeper.limits if late else replace(keeper.limits, wall_s=60))
    assert (outcome.status, said in (outcome.error or "")) == (status, True), outcome
    assert not late or outcome.wall_s < 2.0 + 1.0 + 3.0, "the limit, the grace, and a machine that is busy"
    assert (await keeper.run(Job("1 + 1"))).value == "2"


async def test_tiny_objects_can_fill_the_memory_as_well(keeper: Keeper) -> None:
    """The interpreter then has nothing left, not even for its own report."""
    limits = replace(keeper.limits, wall_s=20, memory_bytes=128 * MIB)
    outcome = await keeper.run(Job("x = {}\nwhile True: x[len(x)] = str(len(x))"), limits)
    assert (outcome.status, outcome.error) == ("memory", "The code needed more than 128 MiB of memory.")


async def test_an_interpreter_that_breaks_off_with_its_memory_full_ran_out_of_memory(keeper: Keeper) -> None:
    """As it does when it is refused memory where it can't raise an exception."""
    limits = replace(keeper.limits, wall_s=20, memory_bytes=128 * MIB)
    fill = "import os\nx = []\ntry:\n while True: x.append(bytearray(10**4))\nexcept MemoryError: os.abort()"
    outcome = await keeper.run(Job(fill), limits)
    assert (outcome.status, outcome.error) == ("memory", "The code needed more than 128 MiB of memory.")
    assert (await keeper.run(Job(f"import os; x = bytes({20 * MIB}); os.abort()"), limits)).status == "crash"


async def test_memory_too_small_for_the_interpreter_says_so(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("1"), replace(keeper.limits, memory_bytes=MIB))
    assert outcome.status == "memory" and "1 MiB" in (outcome.error or "")


async def test_code_may_go_on_after_a_memory_error(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("try: bytearray(2 * 10**9)\nexcept MemoryError: print('caught')"))
    assert (outcome.status, outcome.stdout) == ("ok", "caught\n")


async def test_the_first_output_is_kept_when_the_rest_is_cut(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("print('first'); print('x' * 10**7)"), replace(keeper.limits, output_bytes=KIB))
    assert outcome.stdout == "first\n" + "x" * (KIB - 6)


@pytest.mark.parametrize("end", ["while True: pass", "import time; time.sleep(1000)"])
async def test_what_was_said_before_a_timeout_is_kept(keeper: Keeper, end: str) -> None:
    code = f"import hartley\nprint('before')\nhartley.save('a.txt', b'1')\n{end}"
    outcome = await keeper.run(Job(code), replace(keeper.limits, wall_s=0.5))
    assert (outcome.status, outcome.stdout) == ("timeout", "before\n")
    assert [made.name for made in outcome.artifacts] == ["a.txt"]


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/data/a.csv', 'w')",
        "open('/data/new', 'w')",
        "import os; os.remove('/data/a.csv')",
        "import os; os.symlink('a.csv', '/data/link')",
        "import os; os.link('/data/a.csv', '/data/link')",
        "import os; os.mkdir('/data/new')",
        "import os; os.rename('/data/a.csv', '/data/b.csv')",
        "open('/data/../../../../etc/passwd')",
    ],
)
async def test_the_files_can_only_be_read(keeper: Keeper, attempt: str) -> None:
    outcome = await keeper.run(Job(attempt, files={"a.csv": b"1"}))
    assert outcome.status == "error" and "Error: [Errno" in (outcome.error or ""), outcome


async def test_the_environment_is_empty(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("import os, sys\ndict(os.environ), sys.argv"))
    assert outcome.value == "({}, [])"


@pytest.mark.parametrize("number", range(4))
async def test_nothing_is_left_for_the_next_run(keeper: Keeper, number: int) -> None:
    leave = "import builtins, math\nbuiltins.left = 1\nmath.pi = 3"
    look = "import builtins, math, os\nhasattr(builtins, 'left'), math.pi > 3, os.listdir('/data'), os.listdir('/workspace')"
    for _ in range(2):
        await keeper.run(Job(leave, files={"secret": b"1"}))
    assert (await keeper.run(Job(look))).value == "(False, True, [], [])"


async def test_two_runs_draw_different_random_numbers(keeper: Keeper) -> None:
    code = "import random, os, uuid\nrandom.random(), os.urandom(8), uuid.uuid4()"
    assert (await keeper.run(Job(code))).value != (await keeper.run(Job(code))).value


@pytest.mark.parametrize("name", ["../x", "a/b", "", "."])
async def test_odd_file_names_are_refused(keeper: Keeper, name: str) -> None:
    with pytest.raises(FilesRefused, match="file name"):
        await keeper.run(Job("1", files={name: b""}))
