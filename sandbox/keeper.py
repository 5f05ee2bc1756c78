"""Keeps a pool of sandbox processes, hands them one job at a time, and kills what does not answer in time.

A blocking host call (`time.sleep`) outlives every limit inside the process, so the last word is a kill from here.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from sandbox.build import find_image
from sandbox.child import NOBODY
from sandbox.errors import SandboxError
from sandbox.frames import pack, receive
from sandbox.limits import Limits

Status = Literal["ok", "error", "timeout", "memory", "output", "crash"]
ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[^/\0]{1,200}")
START_S = 60.0


@dataclass(frozen=True)
class Job:
    """Python to run. `files` are readable at /data/<name>."""

    code: str
    stdin: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Outcome:
    """
    Args:
        value: repr of the last expression.
        error: a sentence that names the limit, or the code's own traceback.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    error: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    wall_s: float = 0.0


@dataclass(eq=False)
class Child:
    process: asyncio.subprocess.Process
    folder: Path


class Keeper:
    """
    Args:
        image: the folder that `sandbox.build` wrote to.
        size: processes, so also the jobs that run at once; further ones wait.
        scratch: where each process has a private folder; by default the system's temporary one.
    """

    def __init__(self, *, image: Path, size: int, limits: Limits, scratch: Path | None = None) -> None:
        self._folder, self._size, self.limits, self._scratch = image, size, limits, scratch
        self._free: asyncio.Queue[Child | None] = asyncio.Queue()
        self._children: set[Child] = set()
        self._started = False

    async def start(self) -> None:
        """The processes themselves start with the first jobs."""
        self._image = find_image(self._folder)
        self._started = True
        for _ in range(self._size):
            self._free.put_nowait(None)

    async def run(self, job: Job, limits: Limits | None = None) -> Outcome:
        """
        Wait for a free process, run the job there. Cancelling the caller kills the process with the job.

        Raises:
            SandboxError: no process could be started, or the files are too large or oddly named.
        """
        limits = limits or self.limits
        _check(job, limits)
        if not self._started:
            await self.start()
        child = await self._free.get()
        healthy = False
        try:
            if child is None or child.process.returncode is not None:
                child = await self._spawn()
            outcome = await self._ask(child, job, limits)
            healthy = outcome.status not in ("timeout", "crash")
            return outcome
        finally:
            if not healthy and child:
                await asyncio.shield(self._end(child))
            self._free.put_nowait(child if healthy else None)

    async def close(self) -> None:
        for child in list(self._children):
            await self._end(child)

    def pids(self) -> list[int]:
        return [child.process.pid for child in self._children]

    async def _ask(self, child: Child, job: Job, limits: Limits) -> Outcome:
        try:
            async with asyncio.timeout(limits.wall_s + limits.grace_s):
                assert child.process.stdin and child.process.stdout
                child.process.stdin.write(_frame(job, limits))
                await child.process.stdin.drain()
                return _outcome(await receive(child.process.stdout))
        except TimeoutError:
            return Outcome("timeout", error=f"The code ran longer than {limits.wall_s:g} s", wall_s=limits.wall_s)
        except (EOFError, ConnectionError, ValueError, KeyError, TypeError) as error:
            return Outcome("crash", error=f"The sandbox process was lost ({type(error).__name__})")

    async def _spawn(self) -> Child:
        folder = Path(tempfile.mkdtemp(prefix="hartley-sandbox-", dir=self._scratch))
        if os.getuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sandbox.child",
            str(self._image),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
            start_new_session=True,
        )
        child = Child(process, folder)
        self._children.add(child)
        try:
            async with asyncio.timeout(START_S):
                assert process.stdout
                await receive(process.stdout)
        except (TimeoutError, EOFError, ValueError):
            await self._end(child)
            raise SandboxError("a sandbox process did not start") from None
        return child

    async def _end(self, child: Child) -> None:
        with suppress(ProcessLookupError):
            child.process.send_signal(signal.SIGKILL)
        await child.process.wait()
        self._children.discard(child)
        shutil.rmtree(child.folder, ignore_errors=True)


def _check(job: Job, limits: Limits) -> None:
    for name in job.files:
        if not NAME.fullmatch(name) or name in (".", ".."):
            raise SandboxError(f"files: {name[:50]!r} is not a file name")
    total = sum(map(len, job.files.values()))
    if total > limits.files_bytes:
        raise SandboxError(f"files: {total} bytes; the limit is {limits.files_bytes}")


def _frame(job: Job, limits: Limits) -> bytes:
    files = {name: base64.b64encode(data).decode() for name, data in job.files.items()}
    return pack({"code": job.code, "stdin": job.stdin, "files": files, "limits": asdict(limits)})


def _outcome(frame: dict[str, Any]) -> Outcome:
    made = tuple(Artifact(str(n), str(t), base64.b64decode(body)) for n, t, body in frame.pop("artifacts"))
    return Outcome(**{**frame, "artifacts": made})
