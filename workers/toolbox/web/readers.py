"""The processes that take pages apart: a few, begun when first needed, ended when one hangs or grows."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandbox.frames import pack, receive
from workers.toolbox.web.page import Unreadable

ROOT = Path(__file__).parents[3]
MIB = 1024 * 1024
START_S = 30.0
NOT_STARTED = "The process that takes pages apart did not start"
ANSWER_BYTES = 64 * MIB
PAGES_EACH = 500  # then a new one takes over: libraries keep what they have seen


class Readers:
    """
    Args:
        size: processes, and so pages that are taken apart at once.
        within_s: for one page; then its process is killed.
    """

    def __init__(self, *, size: int, within_s: float, memory_bytes: int = 512 * MIB) -> None:
        self._within_s, self._memory_bytes = within_s, memory_bytes
        self._idle: list[_Reader] = []
        self._all: set[_Reader] = set()
        self._free = asyncio.Semaphore(size)

    async def read(self, body: bytes, job: dict[str, Any]) -> dict[str, Any]:
        """
        Raises:
            Unreadable: it is not, or not in time.
        """
        async with self._free:
            reader = self._idle.pop() if self._idle else await self._begin()
            try:
                async with asyncio.timeout(self._within_s):
                    found = await reader.ask(body, job)
            except TimeoutError:
                self._end(reader)
                raise Unreadable(f"It can't be taken apart within {self._within_s:g} s") from None
            except (EOFError, ConnectionError, ValueError):
                self._end(reader)
                raise Unreadable("It can't be taken apart") from None
            except BaseException:  # the call was given up in the middle of an answer
                self._end(reader)
                raise
            if reader.pages < PAGES_EACH:
                self._idle.append(reader)
            else:
                self._end(reader)
        if "refused" in found:
            raise Unreadable(str(found["refused"]))
        return found

    async def close(self) -> None:
        processes = [reader.process for reader in self._all]
        for reader in list(self._all):
            self._end(reader)
        self._idle.clear()
        for process in processes:
            await process.wait()

    async def _begin(self) -> _Reader:
        reader = await _Reader.start(self._memory_bytes)
        self._all.add(reader)
        return reader

    def _end(self, reader: _Reader) -> None:
        self._all.discard(reader)
        with suppress(ProcessLookupError):
            reader.process.kill()


class _Reader:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process, self.pages = process, 0

    @classmethod
    async def start(cls, memory_bytes: int) -> _Reader:
        """
        Raises:
            Unreadable: it did not start; its reason is in the log.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "workers.toolbox.web.reader", str(memory_bytes),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=MIB,
                env={"PYTHONPATH": str(ROOT), "PATH": os.defpath}, start_new_session=True,
            )  # fmt: skip
        except OSError:
            raise Unreadable(NOT_STARTED) from None
        assert process.stdout
        try:
            async with asyncio.timeout(START_S):
                await receive(process.stdout, MIB)
        except BaseException as error:
            with suppress(ProcessLookupError):
                process.kill()
            if isinstance(error, TimeoutError | EOFError | ValueError):
                raise Unreadable(NOT_STARTED) from None
            raise
        return cls(process)

    async def ask(self, body: bytes, job: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.pages += 1
        self.process.stdin.writelines(pack(job, [body]))
        await self.process.stdin.drain()
        return (await receive(self.process.stdout, ANSWER_BYTES)).value
