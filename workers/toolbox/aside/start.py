"""Starts a process for one piece of work, and ends it when it is late: nothing in there can be interrupted otherwise."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.frames import Frame, pack, receive
from sandbox.limits import MIB
from workers.toolbox.refused import Refused

ROOT = Path(__file__).resolve().parents[3]
START_S = 15.0  # for the process itself to come up
ANSWER_BYTES = 4 * MIB
AT_ONCE = 4


class Aside:
    """
    Args:
        within_s: wall clock for one piece, without the start of its process and the wait for a free place.
        memory_bytes: of one process.
        at_once: processes; further pieces wait.
    """

    def __init__(self, *, within_s: float = 15.0, memory_bytes: int = 512 * MIB, at_once: int = AT_ONCE) -> None:
        self._within_s, self._memory_bytes = within_s, memory_bytes
        self._free = asyncio.Semaphore(at_once)

    async def do(self, work: str, asked: dict[str, Any], blobs: Sequence[bytes] = ()) -> dict[str, Any]:
        """
        What the module `work` of this package answers.

        Raises:
            Refused: its own words, or that it took too long or too much memory.
            SandboxError: no process could be had.
        """
        async with self._free:
            with tempfile.TemporaryDirectory(prefix="hartley-aside-") as folder:
                answer = await self._ask(work, pack(asked, blobs), folder)
        if "refused" in answer.value:
            raise Refused(*map(str, answer.value["refused"]))
        return dict(answer.value["done"])

    async def _ask(self, work: str, job: list[bytes], folder: str) -> Frame:
        process = await self._spawn(work, folder)
        try:
            return await self._answer(process, job)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()

    async def _spawn(self, work: str, folder: str) -> asyncio.subprocess.Process:
        os.chmod(folder, 0o711)  # its own user works in there
        limits = (str(ceil(self._within_s) + ceil(START_S)), str(self._memory_bytes))
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "workers.toolbox.aside.child", f"workers.toolbox.aside.{work}", *limits,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=MIB, cwd=folder,
                env={"PYTHONPATH": str(ROOT), "PATH": os.defpath}, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SandboxError(f"A process for a tool's work could not be started: {error.strerror}.") from None

    async def _answer(self, process: asyncio.subprocess.Process, job: list[bytes]) -> Frame:
        assert process.stdin and process.stdout
        try:
            async with asyncio.timeout(START_S):
                await receive(process.stdout, MIB)
        except (TimeoutError, EOFError, ValueError):
            raise SandboxError("A process for a tool's work did not start; its reason is in the log above.") from None
        try:
            async with asyncio.timeout(self._within_s):
                with suppress(ConnectionError):  # its answer tells, if there is one
                    process.stdin.writelines(job)
                    await process.stdin.drain()
                return await receive(process.stdout, ANSWER_BYTES)
        except TimeoutError:
            raise Refused("work.timeout", f"it takes longer than {self._within_s:g} s; ask for less at once") from None
        except EOFError:
            raise Refused("work.memory", "it needs more memory than it may have, or its input is broken") from None
        except ValueError:
            raise Refused("work.answer", "its answer is too large; ask for less at once") from None
