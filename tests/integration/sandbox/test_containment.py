"""Untrusted code in the real image: each way out ends in a clear, contained error within its limit."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sandbox.errors import SandboxError
from sandbox.keeper import Job, Keeper
from sandbox.limits import Limits

LIMITS = Limits(wall_s=2.0, grace_s=0.5)


@pytest.fixture
async def keeper(sandbox_image: Path, tmp_path: Path) -> AsyncIterator[Keeper]:
    tmp_path.chmod(0o755)
    running = Keeper(image=sandbox_image, size=2, limits=LIMITS, scratch=tmp_path)
    yield running
    pids = running.pids()
    await running.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("open('/etc/passwd').read()", "error", "FileNotFoundError"),
        ("import os; os.listdir('/')", "error", "Error"),
        ("open('/data/new', 'w')", "error", "Error"),
        ("import socket; socket.create_connection(('127.0.0.1', 80))", "error", "gaierror"),
        ("import socket; socket.socket().connect(('127.0.0.1', 80))", "error", "Error"),
        ("import subprocess; subprocess.run(['ls'])", "error", "OSError"),
        ("while True: pass", "timeout", "2 s"),
        ("import time; time.sleep(1000)", "timeout", "2 s"),
        ("x = bytearray(2 * 10**9)", "memory", "512 MiB"),
        ("x = []\nwhile True: x.append(bytearray(10**7))", "memory", "512 MiB"),
        ("print('x' * 10**8)", "output", "1048576 bytes"),
        ("while True:\n try: print('x' * 1000)\n except BaseException: pass", "output", "1048576 bytes"),
        ("import hartley\nhartley.save('big', 'x' * 10**8)", "output", "files"),
        ("def f(): return f()\nf()", "error", "RecursionError"),
        ("(" * 1000, "error", "SyntaxError"),
        ("raise SystemExit(3)", "error", "SystemExit: 3"),
        ("import sys; sys.stdout.write('a\\x00b'); 1/0", "error", "ZeroDivisionError"),
    ],
)
async def test_it_is_contained(keeper: Keeper, code: str, status: str, said: str) -> None:
    outcome = await keeper.run(Job(code))
    assert (outcome.status, said in (outcome.error or "")) == (status, True), outcome


async def test_the_first_output_is_kept_when_the_rest_is_cut(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("print('first'); print('x' * 10**8)"))
    assert outcome.stdout.startswith("first") and len(outcome.stdout) <= LIMITS.output_bytes


async def test_files_values_and_artifacts_come_and_go(keeper: Keeper) -> None:
    code = "import csv, hartley\nrows = list(csv.reader(open('/data/a.csv')))\nhartley.save('b.txt', rows[1][0])\nrows"
    outcome = await keeper.run(Job(code, files={"a.csv": b"x\n1\n"}))
    assert (outcome.status, outcome.value) == ("ok", "[['x'], ['1']]")
    assert [(made.name, made.data) for made in outcome.artifacts] == [("b.txt", b"1")]


async def test_nothing_is_left_for_the_next_run(keeper: Keeper) -> None:
    await keeper.run(Job("import builtins; builtins.left = 1", files={"secret": b"1"}))
    for _ in range(4):
        outcome = await keeper.run(
            Job("import builtins, os\nhasattr(builtins, 'left'), os.path.exists('/data/secret')")
        )
        assert outcome.value == "(False, False)"


async def test_many_jobs_share_few_processes(keeper: Keeper) -> None:
    outcomes = await asyncio.gather(*(keeper.run(Job(f"print({number})")) for number in range(20)))
    assert [outcome.stdout.strip() for outcome in outcomes] == [str(number) for number in range(20)]
    assert len(keeper.pids()) <= 2


async def test_a_killed_process_is_a_crash_and_is_replaced(keeper: Keeper) -> None:
    await keeper.run(Job("1"))
    (pid,) = keeper.pids()
    busy = [asyncio.create_task(keeper.run(Job("while True: pass"), replace(LIMITS, wall_s=30))) for _ in range(2)]
    deadline = asyncio.get_running_loop().time() + 10
    while psutil.Process(pid).cpu_times().user < 0.5:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)
    for victim in keeper.pids():
        os.kill(victim, signal.SIGKILL)
    assert {(await task).status for task in busy} == {"crash"}
    assert (await keeper.run(Job("1 + 1"))).value == "2"


async def test_cancelling_the_caller_kills_the_process(keeper: Keeper) -> None:
    await keeper.run(Job("1"))
    running = asyncio.create_task(keeper.run(Job("import time; time.sleep(1000)"), replace(LIMITS, wall_s=30)))
    await asyncio.sleep(0.2)
    before = keeper.pids()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert keeper.pids() != before


async def test_the_process_is_nobody_and_holds_nothing(keeper: Keeper) -> None:
    await keeper.run(Job("1"))
    child = psutil.Process(keeper.pids()[0])
    assert child.uids().effective != 0 or os.getuid() != 0
    assert child.environ() == {} or "HARTLEY_SECRET_KEY" not in child.environ()
    assert Path(f"/proc/{child.pid}/status").read_text().count("NoNewPrivs:\t1") == 1


async def test_odd_file_names_are_refused(keeper: Keeper) -> None:
    for name in ("../x", "a/b", "", "."):
        with pytest.raises(SandboxError, match="file name"):
            await keeper.run(Job("1", files={name: b""}))
