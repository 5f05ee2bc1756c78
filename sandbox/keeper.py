"""
Keeps a pool of sandbox processes, hands them one job at a time, and kills what does not answer in time.

A blocking host call (`time.sleep`) outlives every limit inside the process, so the last word is a kill from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from sandbox.build import find_images
from sandbox.confine import UID
from sandbox.errors import KeeperClosed, SandboxError
from sandbox.job import Job, check_job
from sandbox.limits import Limits
from sandbox.outcome import Artifact, Outcome
from sandbox.process import Child, Heard
from sandbox.scratch import Scratch, remove

__all__ = ["Artifact", "Job", "Keeper", "Outcome"]

WORN_OUT = ("timeout", "crash")


class Keeper:
    """
    Args:
        image: the folder that `sandbox.build` wrote to.
        size: processes, so also the jobs that run at once; further ones wait in order.
        scratch: where the processes have their private folders; by default below `image`.
    """

    def __init__(self, *, image: Path, size: int, limits: Limits, scratch: Path | None = None) -> None:
        self.limits, self._size = limits, size
        self._folder, self._scratch_root = image, scratch or image / "runs"
        self._free: asyncio.Queue[Child | SandboxError] = asyncio.Queue()
        self._children: set[Child] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._scratch: Scratch | None = None
        self._closed = False

    async def start(self) -> None:
        """
        Returns when the processes are ready. Without it, they start with the first job.

        Raises:
            SandboxError: no image, no folder or no process could be had; nothing is left running.
        """
        children: list[Child] = []
        try:
            self._open()
            while len(children) < self._size:
                children.append(await self._take())
        except SandboxError:
            await self.close()
            raise
        finally:
            for child in children:
                self._free.put_nowait(child)

    async def run(self, job: Job, limits: Limits | None = None, heard: Heard | None = None) -> Outcome:
        """
        Wait for a free process and run the job there. Cancelling the caller kills the process with the job.

        Args:
            heard: called with what the code prints, about ten times a second while it runs.

        Raises:
            FilesRefused: the files are too large or oddly named. KeeperClosed. SandboxError: as in `start`.
        """
        limits = limits or self.limits
        check_job(job, limits)
        self._open()
        child = await self._take()
        fit = False
        try:
            outcome = await child.ask(job, limits, heard)
            fit = outcome.status not in WORN_OUT
            return outcome
        finally:
            if fit:
                self._free.put_nowait(child)
            else:
                self._replace(child)

    async def close(self) -> None:
        """End the processes with what runs there, and remove their folders. Jobs that wait get KeeperClosed."""
        self._closed = True
        self._free.put_nowait(KeeperClosed())
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for child in self._children:
            child.kill()
        await asyncio.gather(*(child.gone() for child in self._children))
        self._children.clear()
        if self._scratch:
            self._scratch.close()
            self._scratch = None

    def pids(self) -> list[int]:
        return [child.process.pid for child in self._children if child.alive]

    def _open(self) -> None:
        """The first time: a folder and the processes. Blocks the loop for some milliseconds, once."""
        if self._closed:
            raise KeeperClosed
        if self._scratch:
            return
        self._images = find_images(self._folder)
        try:
            self._scratch = Scratch(self._scratch_root)
        except OSError as error:
            message = f"The sandbox cannot make a private folder in {self._scratch_root}: {error.strerror}."
            raise SandboxError(message) from None
        for _ in range(self._size):
            self._in_background(self._bring_up())

    async def _take(self) -> Child:
        while True:
            found = await self._free.get()
            if isinstance(found, KeeperClosed):
                self._free.put_nowait(found)  # for the next who waits
                raise KeeperClosed
            if isinstance(found, SandboxError):
                self._in_background(self._bring_up())
                raise found
            if found.alive:
                return found
            self._replace(found)

    def _replace(self, child: Child) -> None:
        child.kill()
        if not self._closed:
            self._in_background(self._succeed(child))

    async def _succeed(self, child: Child) -> None:
        await self._bury(child)
        await self._bring_up()

    async def _bury(self, child: Child) -> None:
        child.kill()
        await child.gone()
        self._children.discard(child)
        await asyncio.to_thread(remove, child.folder)

    async def _bring_up(self) -> None:
        """Ends with something in the queue: a process, or for one waiting job the reason why there is none."""
        if self._closed:  # meanwhile, by another caller
            return
        try:
            self._free.put_nowait(await self._spawn())
        except SandboxError as error:
            self._free.put_nowait(error)

    async def _spawn(self) -> Child:
        assert self._scratch
        try:
            child = await Child.spawn(images=self._images, folder=self._scratch.folder_for(UID))
        except OSError as error:
            raise SandboxError(f"A sandbox process could not be started: {error.strerror}.") from None
        self._children.add(child)
        try:
            await child.ready()
        except SandboxError:
            await self._bury(child)
            raise
        return child

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
