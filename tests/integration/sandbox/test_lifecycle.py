"""Processes: started, shared, killed, replaced, and gone at the end, whoever dies first."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sandbox.build import image_paths, needs_path
from sandbox.confine import UIDS
from sandbox.errors import FilesRefused, ImageMissing, KeeperClosed, NoRoom, SandboxError
from sandbox.keeper import Job, Keeper
from sandbox.limits import Limits
from sandbox.needs import Needs
from sandbox.room import Room
from tests.support.services import ROOT

SPIN, SLEEP = "while True: pass", "import time; time.sleep(1000)"
LONG = Limits(wall_s=60)


@pytest.fixture
def single(sandbox_image: Path, tmp_path: Path) -> Keeper:
    return Keeper(image=sandbox_image, size=1, limits=LONG, scratch=tmp_path)


async def until(check: Callable[[], object], within_s: float = 30) -> None:
    deadline = asyncio.get_running_loop().time() + within_s
    while not check():
        assert asyncio.get_running_loop().time() < deadline, "not in time"
        await asyncio.sleep(0.01)


async def until_busy(pid: int) -> None:
    """The process computes, so the code runs."""
    process = psutil.Process(pid)
    before = process.cpu_times().user
    await until(lambda: process.cpu_times().user > before + 0.2)


def field(pid: int, name: str) -> str:
    """A line of /proc/<pid>/status."""
    lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    return " ".join(lines[name].split())


async def test_twenty_jobs_share_two_processes(keeper: Keeper) -> None:
    before = set(keeper.pids())
    outcomes = await asyncio.gather(*(keeper.run(Job(f"print({number})")) for number in range(20)))
    assert [outcome.stdout.strip() for outcome in outcomes] == [str(number) for number in range(20)]
    assert set(keeper.pids()) == before and len(before) == 2


async def test_a_slow_job_does_not_hold_up_the_other_process(keeper: Keeper) -> None:
    slow = asyncio.create_task(keeper.run(Job(SLEEP)))
    for _ in range(5):
        assert (await keeper.run(Job("1"))).status == "ok"
    assert not slow.done()
    assert (await slow).status == "timeout"


async def test_a_killed_process_is_a_crash_and_is_replaced(keeper: Keeper) -> None:
    victims = keeper.pids()
    busy = [asyncio.create_task(keeper.run(Job(SPIN), LONG)) for _ in victims]
    for victim in victims:
        await until_busy(victim)
        os.kill(victim, signal.SIGKILL)
    assert {(await task).status for task in busy} == {"crash"}
    assert (await keeper.run(Job("1 + 1"))).value == "2"
    assert set(keeper.pids()).isdisjoint(victims)


async def test_an_idle_process_that_was_killed_costs_no_job(keeper: Keeper) -> None:
    for victim in keeper.pids():
        os.kill(victim, signal.SIGKILL)
        await until(lambda victim=victim: victim not in keeper.pids())
    assert [(await keeper.run(Job("1"))).status for _ in range(3)] == ["ok"] * 3


async def test_cancelling_the_caller_kills_the_process_and_a_new_one_comes(single: Keeper) -> None:
    await single.start()
    (pid,) = single.pids()
    running = asyncio.create_task(single.run(Job(SPIN)))
    await until_busy(pid)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await single.run(Job("1 + 1"))).value == "2"
    assert not psutil.pid_exists(pid) and len(single.pids()) == 1
    await single.close()


async def test_cancelling_one_who_waits_takes_nothing_from_the_others(single: Keeper) -> None:
    await single.start()
    (pid,) = single.pids()
    jobs = [asyncio.create_task(single.run(Job(f"{number}"))) for number in range(5)]
    jobs[2].cancel()
    values = await asyncio.gather(*jobs, return_exceptions=True)
    assert [getattr(value, "value", None) for value in values] == ["0", "1", None, "3", "4"]
    assert single.pids() == [pid]
    await single.close()


async def test_cancelling_during_the_start_leaks_no_process(single: Keeper) -> None:
    running = asyncio.create_task(single.run(Job("1")))
    await until(single.pids)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await single.run(Job("1"))).status == "ok" and len(single.pids()) == 1
    await single.close()


async def test_close_ends_what_runs_and_refuses_what_waits(single: Keeper, tmp_path: Path) -> None:
    await single.start()
    (pid,) = single.pids()
    running = asyncio.create_task(single.run(Job(SPIN)))
    await until_busy(pid)
    waiting = [asyncio.create_task(single.run(Job("1"))) for _ in range(3)]
    await asyncio.sleep(0)
    await single.close()
    assert (await running).status == "crash"
    for refused in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(refused, KeeperClosed)
    with pytest.raises(KeeperClosed):
        await single.run(Job("1"))
    assert not psutil.pid_exists(pid) and single.pids() == [] and list(tmp_path.iterdir()) == []


async def test_closing_one_that_was_never_used_is_nothing(single: Keeper) -> None:
    await single.close()
    await single.close()


async def test_the_process_has_no_rights(keeper: Keeper) -> None:
    for pid in keeper.pids():
        users = set(map(int, field(pid, "Uid").split()))
        assert users < set(UIDS) if os.getuid() == 0 else users == {os.getuid()}
        assert field(pid, "CapEff").strip("0") == "" and field(pid, "NoNewPrivs") == "1"
        assert os.getuid() != 0 or field(pid, "Groups") == ""


async def test_the_process_inherits_no_secret(
    sandbox_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARTLEY_SECRET_KEY", "hush")
    keeper = Keeper(image=sandbox_image, size=1, limits=LONG, scratch=tmp_path)
    await keeper.start()
    if os.getuid() == 0:  # nobody else may look
        assert b"hush" not in Path(f"/proc/{keeper.pids()[0]}/environ").read_bytes()
    assert (await keeper.run(Job("import os; dict(os.environ)"))).value == "{}"
    await keeper.close()


async def test_files_are_gone_after_a_process_was_killed(single: Keeper, tmp_path: Path) -> None:
    await single.start()
    (pid,) = single.pids()
    running = asyncio.create_task(single.run(Job(SPIN, files={"secret.csv": b"1"})))
    await until(lambda: laid(pid, tmp_path, "secret.csv"))
    os.kill(pid, signal.SIGKILL)
    await running
    await until(lambda: not laid(pid, tmp_path, "secret.csv"))
    await single.close()
    assert list(tmp_path.iterdir()) == []


async def test_the_processes_die_with_their_keeper_and_the_next_one_clears_up(
    single: Keeper, sandbox_image: Path, tmp_path: Path
) -> None:
    code = f"""
import asyncio, pathlib
from sandbox.keeper import Job, Keeper
from sandbox.limits import Limits
from sandbox.needs import Needs
from sandbox.room import Room
async def main():
    keeper = Keeper(
        image=pathlib.Path({str(sandbox_image)!r}), size=2, limits=Limits(), scratch=pathlib.Path({str(tmp_path)!r})
    )
    await keeper.start()
    print(*keeper.pids(), flush=True)
    await keeper.run(Job("import time; time.sleep(1000)", files={{"secret": b"1"}}))
asyncio.run(main())
"""
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout
    pids = list(map(int, (await owner.stdout.readline()).split()))
    await until(lambda: any(laid(pid, tmp_path, "secret") for pid in pids))
    owner.kill()
    await owner.wait()
    await until(lambda: not any(alive(pid) for pid in pids))
    await single.start()
    assert not list(tmp_path.rglob("secret"))
    await single.close()
    assert list(tmp_path.iterdir()) == []


def laid(pid: int, scratch: Path, name: str) -> bool:
    """On the process's own disk where it has one, else in its folder."""
    return any(found for place in (Path(f"/proc/{pid}/cwd"), scratch) for found in place.rglob(name))


def alive(pid: int) -> bool:
    """A zombie that waits for its new parent is dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_too_many_bytes_of_files_are_refused_before_anything_runs(single: Keeper) -> None:
    with pytest.raises(FilesRefused, match="limit is 10 bytes"):
        await single.run(Job("1", files={"a": bytes(11)}), replace(LONG, files_bytes=10))
    assert single.pids() == []


async def test_without_an_image_the_sentence_has_the_command(tmp_path: Path) -> None:
    keeper = Keeper(image=tmp_path, size=1, limits=LONG)
    with pytest.raises(ImageMissing, match=r"python -m sandbox\.build"):
        await keeper.run(Job("1"))
    await keeper.close()


async def test_a_broken_image_is_an_error_at_the_start_and_leaves_nothing(tmp_path: Path) -> None:
    for path in image_paths(tmp_path):
        path.write_bytes(b"broken")
    Needs(1, 1, 1, 1, 1).write(needs_path(tmp_path))
    keeper = Keeper(image=tmp_path, size=2, limits=LONG, scratch=tmp_path / "runs")
    with pytest.raises(SandboxError, match="did not start"):
        await keeper.start()
    assert keeper.pids() == [] and list((tmp_path / "runs").iterdir()) == []


async def test_a_run_waits_for_room_and_is_refused_when_there_is_none(sandbox_image: Path, tmp_path: Path) -> None:
    rooms = [Room(0, 10**12)]
    keeper = Keeper(
        image=sandbox_image, size=1, limits=LONG, scratch=tmp_path, room_wait_s=0.3, room=lambda _folder: rooms[-1]
    )
    with pytest.raises(NoRoom, match="0 MiB of memory"):
        await keeper.run(Job("1"))
    waiting = asyncio.create_task(keeper.run(Job("1")))
    await asyncio.sleep(0.1)
    rooms.append(Room(10**12, 10**12))
    assert (await waiting).value == "1" and len(keeper.pids()) == 1
    await keeper.close()


async def test_one_owners_jobs_do_not_hold_up_anothers(single: Keeper) -> None:
    await single.start()
    ended: list[str] = []

    async def run(owner: str, code: str) -> None:
        await single.run(Job(code), owner=owner)
        ended.append(owner)

    async with asyncio.TaskGroup() as group:
        group.create_task(run("first", "import time; time.sleep(1)"))
        await asyncio.sleep(0)
        for owner in ["greedy"] * 5 + ["modest"]:
            group.create_task(run(owner, "1"))
    assert ended == ["first", "greedy", "modest", *["greedy"] * 4]
    await single.close()


async def test_a_timeout_by_interrupt_costs_no_process(keeper: Keeper) -> None:
    before = keeper.pids()
    for _ in range(3):
        assert (await keeper.run(Job(SPIN), replace(LONG, wall_s=0.1))).status == "timeout"
    assert keeper.pids() == before


async def test_the_process_reaches_no_network_and_no_file_of_the_host(keeper: Keeper) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root, or namespaces of users")
    for pid in keeper.pids():
        assert os.stat(f"/proc/{pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino
        assert sorted(path.name for path in Path(f"/proc/{pid}/root").iterdir()) == ["data", "tmp", "workspace"]


async def test_a_process_that_was_idle_for_long_still_opens_files(single: Keeper) -> None:
    """wasmtime's own threads end after 10 s without work, and a sandbox process can start none."""
    code = "open('x', 'w').write('1'), open('/data/a').read()"
    for pause_s in (0, 10.5):
        await asyncio.sleep(pause_s)
        outcome = await single.run(Job(code, files={"a": b"2"}), replace(LONG, wall_s=3))
        assert outcome.value == "(1, '2')", outcome
    assert len(single.pids()) == 1
    await single.close()
