"""Tenants' modules in the sandbox: what is refused before it is kept, and how those that run come to their ends."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from sandbox.errors import ModuleRefused, SandboxError
from sandbox.job import Job, ModuleJob
from sandbox.keeper import Keeper, Outcome
from sandbox.limits import MIB, Limits
from sandbox.module_limits import CompileLimits
from sandbox.modules import Modules
from tests.support.modules import HERE, compiled, has_clang, of_text, slow, wasm

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIMITS = Limits(wall_s=1.0, memory_bytes=64 * MIB)
EMPTY = '(memory (export "memory") 1) (func (export "_start"))'


@pytest.fixture
def modules(tmp_path: Path) -> Modules:
    return Modules(tmp_path / "kept", limits=CompileLimits(), running=LIMITS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(sandbox_image: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Keeper]:
    running = Keeper(image=sandbox_image, size=1, limits=LIMITS, scratch=tmp_path_factory.mktemp("scratch"))
    yield running
    await running.close()


async def native(modules: Modules, module: bytes) -> bytes:
    async def given() -> bytes:
        return module

    return await modules.native(hashlib.sha256(module).hexdigest(), given)


async def run(keeper: Keeper, modules: Modules, module: bytes, **job: object) -> Outcome:
    code = await native(modules, module)
    return await keeper.run(ModuleJob(native=code, arguments=("tool", "{}"), **job), LIMITS)  # type: ignore[arg-type]


async def refused(modules: Modules, module: bytes) -> str:
    with pytest.raises(ModuleRefused) as caught:
        await modules.check(module)
    return str(caught.value)


# --- before it is kept ---


async def test_what_is_found_is_told_and_the_code_is_kept_for_this_user_alone(modules: Modules, tmp_path: Path) -> None:
    facts = await modules.check(wasm("echo"))
    assert facts.imports == ("wasi_snapshot_preview1.fd_read", "wasi_snapshot_preview1.fd_write")
    assert (facts.exports, facts.memory_pages) == (("memory", "_start"), 2) and 0 < facts.compile_s < 5
    [kept] = (tmp_path / "kept").iterdir()
    assert kept.name.startswith(hashlib.sha256(wasm("echo")).hexdigest())
    assert (kept.stat().st_mode & 0o077, kept.parent.stat().st_mode & 0o077) == (0, 0)
    assert kept.stat().st_size == facts.native_bytes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'(module (import "env" "system" (func (param i32))) {EMPTY})', "imports 'env.system'"),
        (f'(module (import "wasi_snapshot_preview1" "sock_send" (func)) {EMPTY})', "preview1.sock_send'"),
        (f'(module (import "wasi_snapshot_preview1" "fd_read" (memory 1)) {EMPTY})', "multiple memories"),
        (f'(module (import "wasi_snapshot_preview1" "fd_read" (func)) {EMPTY})', "incompatible import type"),
        (f"(module (table 2000 funcref) {EMPTY})", "table minimum size of 2000 elements exceeds table limits"),
        ('(module (memory (export "memory") 2000) (func (export "_start")))', "2000 pages exceeds memory limits"),
        ('(module (memory (export "memory") 1))', "no function '_start'"),
        ('(module (memory (export "memory") 1) (func (export "_start") (param i32)))', "no function '_start'"),
        ('(module (func (export "_start")))', "no memory called 'memory'"),
        ('(module (memory (export "memory") 1) (func $s (export "_start") (loop (br 0))) (start $s))', "before _start"),
        ("(component)", "component"),
    ],
)
async def test_a_module_that_does_not_fit_is_refused_with_the_reason(modules: Modules, text: str, words: str) -> None:
    assert words in await refused(modules, of_text(text))


async def test_what_is_no_module_at_all_is_refused(modules: Modules) -> None:
    assert "no WebAssembly" in await refused(modules, b"(module)")
    assert "unexpected end-of-file" in await refused(modules, wasm("echo")[:60])
    small = Modules(Path("/nowhere"), limits=CompileLimits(wasm_bytes=20), running=LIMITS)
    assert "the limit is 20 bytes" in await refused(small, wasm("echo"))


async def test_what_takes_long_to_compile_is_stopped_and_its_process_is_gone(tmp_path: Path) -> None:
    hurried = Modules(tmp_path / "kept", limits=CompileLimits(compile_s=0.5), running=LIMITS)
    module, started = slow(100_000), time.monotonic()
    assert await refused(hurried, module) == "Compiling it takes longer than 0.5 s."
    assert time.monotonic() - started < 5 and not compilers()


async def test_what_takes_much_memory_to_compile_is_stopped(tmp_path: Path) -> None:
    limits = CompileLimits(compile_bytes=96 * MIB)
    assert "96 MiB of memory" in await refused(Modules(tmp_path, limits=limits, running=LIMITS), slow(20_000))
    assert not compilers()


async def test_a_cancelled_check_leaves_no_process(modules: Modules) -> None:
    checking = asyncio.create_task(modules.check(slow(100_000)))
    deadline = time.monotonic() + 30
    while not compilers():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking
    assert not compilers()


def compilers() -> list[psutil.Process]:
    """Children of this process that compile."""
    found = psutil.Process().children()
    return [each for each in found if each.is_running() and "sandbox.compile_child" in " ".join(each.cmdline())]


async def test_kept_code_is_not_made_again_and_lost_code_is(modules: Modules, tmp_path: Path) -> None:
    first = await native(modules, wasm("echo"))

    async def not_asked() -> bytes:
        raise AssertionError("it is kept")

    sha256 = hashlib.sha256(wasm("echo")).hexdigest()
    assert await modules.native(sha256, not_asked) == first
    for path in (tmp_path / "kept").iterdir():
        path.unlink()
    assert await native(modules, wasm("echo")) == first

    async def another() -> bytes:
        return wasm("exit")

    with pytest.raises(ModuleRefused, match="its hash is another"):
        await modules.native("0" * 64, another)


async def test_the_folder_has_an_end_and_the_oldest_go_first(tmp_path: Path) -> None:
    modules = Modules(tmp_path, limits=CompileLimits(), running=LIMITS, kept_bytes=60_000)
    for number, name in enumerate(("echo", "exit", "spin")):
        await native(modules, wasm(name))
        for path in tmp_path.glob(f"{hashlib.sha256(wasm(name)).hexdigest()}*"):
            os.utime(path, (number, number))
    await native(modules, wasm("flood"))
    names = {path.name[:64] for path in tmp_path.iterdir()}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 60_000
    assert hashlib.sha256(wasm("flood")).hexdigest() in names
    assert hashlib.sha256(wasm("echo")).hexdigest() not in names


async def test_a_folder_that_others_may_write_is_not_trusted(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    link = tmp_path / "link"
    (tmp_path / "own").mkdir()
    link.symlink_to(tmp_path / "own")
    for folder in (open_to_all, link):
        with pytest.raises(SandboxError, match="nobody else"):
            await native(Modules(folder, limits=CompileLimits(), running=LIMITS), wasm("echo"))


# --- running ---


async def test_it_reads_and_writes_and_each_run_is_a_fresh_one(shared: Keeper, modules: Modules) -> None:
    for said in ('{"text": "grüß"}', "", "x" * 60_000):
        outcome = await run(shared, modules, wasm("echo"), stdin=said)
        assert (outcome.status, outcome.stdout, outcome.error) == ("ok", said, None)
    assert outcome.fuel and outcome.memory_bytes == 2 * 64 * 1024
    python = await shared.run(Job("print('Python as well')"), Limits())
    assert python.stdout == "Python as well\n"


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("spin", "timeout", "longer than 1 s"),
        ("sleep", "timeout", "longer than 1 s"),
        ("flood", "output", "more than 1 MiB of output"),
        ("bomb", "memory", "MiB of the 64 MiB of memory"),
        ("deep", "error", "call stack exhausted"),
        ("exit", "error", "exit code 3"),
    ],
)
async def test_a_hostile_module_ends_as_it_should_and_the_next_runs(
    name: str, status: str, words: str, shared: Keeper, modules: Modules
) -> None:
    await native(modules, wasm(name))
    started = time.monotonic()
    outcome = await run(shared, modules, wasm(name))
    took_s = time.monotonic() - started
    assert outcome.status == status and words in (outcome.error or ""), outcome
    assert (outcome.fuel is None) == (status in ("timeout", "output")), "who was interrupted has not been counted"
    assert took_s < LIMITS.wall_s + 0.75 and len(outcome.stdout) <= MIB
    assert (await run(shared, modules, wasm("echo"), stdin="on")).stdout == "on"


async def test_what_a_module_that_broke_off_has_left_is_not_kept(shared: Keeper, modules: Modules) -> None:
    code = await native(modules, wasm("leave"))
    ended = await shared.run(ModuleJob(native=code, workspace={"old": b"1"}), LIMITS)
    assert (ended.status, dict(ended.files)) == ("ok", {"left": b""})
    broken = await shared.run(ModuleJob(native=code, stdin="break", workspace={"old": b"1"}), LIMITS)
    assert (broken.status, dict(broken.files), broken.deleted) == ("error", {}, ()), broken


async def test_fuel_has_an_end_where_it_is_limited(shared: Keeper, modules: Modules) -> None:
    code = await native(modules, wasm("spin"))
    outcome = await shared.run(ModuleJob(native=code), replace(LIMITS, fuel=100_000))
    assert outcome.status == "fuel" and "100000" in (outcome.error or "")


async def test_native_code_of_another_engine_is_not_run(shared: Keeper) -> None:
    outcome = await shared.run(ModuleJob(native=b"\x7fELF of another"), LIMITS)
    assert outcome.status == "error" and "broke off" in (outcome.error or "")


async def test_a_module_from_c_has_arguments_input_and_files_and_nothing_of_the_host(
    shared: Keeper, modules: Modules, tmp_path: Path
) -> None:
    if not has_clang():
        pytest.skip("CLANG FOR WASI IS ABSENT and can't be installed here: no module was built from C")
    code = await native(modules, compiled(HERE / "hello.c", tmp_path))
    job = ModuleJob(
        native=code, arguments=("hello", '{"n": 1}'), stdin='{"n": 1}', files={"a.txt": b"given"}, workspace={"b": b"1"}
    )
    outcome = await shared.run(job, LIMITS)
    assert outcome.stdout == '2|hello|{"n": 1}|{"n": 1}|given\n', outcome
    assert outcome.stderr == "writes data: 0, reads passwd: 0, leaves: 0\n"
    assert (outcome.files, outcome.deleted) == ({"made.txt": b"by C"}, ())
