"""Starts the process that compiles a module, and ends it when it is late: compiling can't be interrupted."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from math import ceil
from pathlib import Path

from sandbox.errors import ModuleRefused, SandboxError
from sandbox.frames import Frame, pack, receive
from sandbox.limits import MIB, Limits, size
from sandbox.module_limits import CompileLimits

ROOT = Path(__file__).resolve().parents[1]
START_S = 10.0  # for the process itself to come up


async def compile_apart(wasm: bytes, limits: CompileLimits, running: Limits) -> Frame:
    """
    The answer of the process: facts with the native code, or `refused`.

    Raises:
        ModuleRefused: it took too long, or the process did not survive it. SandboxError: no process could be had.
    """
    with tempfile.TemporaryDirectory(prefix="hartley-compiles-") as folder:
        process = await _spawn(folder, limits)
        try:
            return await _ask(process, pack({"limits": asdict(running)}, [wasm]), limits)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


async def _spawn(folder: str, limits: CompileLimits) -> asyncio.subprocess.Process:
    os.chmod(folder, 0o711)  # its own user works in there
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "sandbox.compile_child",
            str(ceil(limits.compile_s) + ceil(START_S)),
            str(limits.compile_bytes),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MIB,
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxError(f"A process to compile modules could not be started: {error.strerror}.") from None


async def _ask(process: asyncio.subprocess.Process, job: list[bytes], limits: CompileLimits) -> Frame:
    assert process.stdin and process.stdout
    try:
        async with asyncio.timeout(START_S):
            ready = await receive(process.stdout, MIB)
    except (TimeoutError, EOFError, ValueError):
        raise SandboxError("A process to compile modules did not start; its reason is in the log above.") from None
    assert ready.value == {"ready": True}
    try:
        async with asyncio.timeout(limits.compile_s):
            process.stdin.writelines(job)
            await process.stdin.drain()
            return await receive(process.stdout, limits.answer_bytes())
    except TimeoutError:
        raise ModuleRefused(f"Compiling it takes longer than {limits.compile_s:g} s.") from None
    except (EOFError, ConnectionError):
        most = size(limits.compile_bytes)
        raise ModuleRefused(f"Compiling it needs more than {most} of memory, or ended the compiler.") from None
    except ValueError:
        raise ModuleRefused(f"Its native code is larger than {size(limits.answer_bytes())}.") from None
