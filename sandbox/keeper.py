"""
Keeps a pool of sandbox processes, hands them one job at a time, and kills what does not answer in time.

A blocking host call (`time.sleep`) outlives every limit inside the process, so the last word is a kill from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from sandbox.build import find_images, needs_path
from sandbox.errors import ImageMissing, KeeperClosed, NoRoom, SandboxError
from sandbox.in_use import InUse
from sandbox.job import Job, check_job
from sandbox.limits import Limits
from sandbox.outcome import Artifact, Outcome
from sandbox.process import Child, Heard
from sandbox.room import Room, look
from sandbox.scratch import Scratch, remove
from sandbox.turns import Turns

__all__ = ["Artifact", "Job", "Keeper", "Outcome"]

ROOM_LOOK_S = 0.1


class Keeper:
    """
    Args:
        image: the folder that `sandbox.build` wrote to.
        size: processes, so also the jobs that run at once; further ones wait in order.
        scratch: where the processes have their private folders; by default below `image`.
        most_waiting: jobs of one owner that wait for a process; further ones are refused.
        room_wait_s: how long a job waits for memory and disk.
        room: what the machine has left.
    """

    def __init__(
        self,
        *,
        image: Path,
        size: int,
        limits: Limits,
        scratch: Path | None = None,
        most_waiting: int = 1000,
        room_wait_s: float = 10.0,
        room: Callable[[Path], Room] = look,
    ) -> None:
        self.limits, self._size = limits, size
        self._room, self._room_wait_s = room, room_wait_s
        self._seen, self._seen_at = Room(0, 0), float("-inf")
        self._folder, self._scratch_root = image, scratch or image / "runs"
        self._free: Turns[Child | SandboxError] = Turns(most_waiting)
        self._children: set[Child] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._scratch: Scratch | None = None
        self._in_use: InUse | None = None
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
                children.append(await self._take(""))
        except SandboxError:
            await self.close()
            raise
        finally:
            for child in children:
                self._free.put(child)

    async def run(
        self, job: Job, limits: Limits | None = None, heard: Heard | None = None, *, owner: str = ""
    ) -> Outcome:
        """
        Wait for a free process and run the job there. Cancelling the caller kills the process with the job.

        Args:
            heard: called with all that the code prints, about ten times a second while it runs.
            owner: whose job it is. Owners who wait take turns, so that nobody's jobs hold up another's.
        Raises:
            FilesRefused: the files are too large or oddly named. TooManyWait, NoRoom: the machine has too much to do.
            KeeperClosed. SandboxError: as in `start`.
        """
        limits = limits or self.limits
        check_job(job, limits)
        self._open()
        child = await self._take(owner)
        try:
            await self._wait_for_room(limits)
            return await child.ask(job, limits, heard)
        except asyncio.CancelledError:
            child.kill()
            raise
        finally:
            self._in_background(self._give_back(child))

    async def close(self) -> None:
        """End the processes with what runs there, and remove their folders. Jobs that wait get KeeperClosed."""
        self._closed = True
        self._free.put(KeeperClosed())
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
        if self._in_use:
            self._in_use.close()
            self._in_use = None

    def confined(self) -> Mapping[str, int]:
        """What its processes have of their own, by their word: see `confine.Confined`. Empty before the start."""
        return next((child.confined for child in self._children), {})

    def pids(self) -> list[int]:
        return [child.process.pid for child in self._children if child.alive]

    def _open(self) -> None:
        """The first time: a folder and the processes. Blocks the loop for some milliseconds, once."""
        if self._closed:
            raise KeeperClosed
        if self._scratch:
            return
        self._image = (*find_images(self._folder), needs_path(self._folder))
        try:
            self._in_use = self._in_use or InUse(self._image)
        except OSError as error:
            raise ImageMissing(f"The sandbox image in {self._folder} can't be used: {error.strerror}.") from None
        try:
            self._scratch = Scratch(self._scratch_root)
        except OSError as error:
            message = f"The sandbox cannot make a private folder in {self._scratch_root}: {error.strerror}."
            raise SandboxError(message) from None
        for _ in range(self._size):
            self._in_background(self._bring_up())

    async def _wait_for_room(self, limits: Limits) -> None:
        """
        Raises:
            NoRoom
        """
        now = asyncio.get_running_loop().time
        deadline = now() + self._room_wait_s
        while lack := self._look(now()).lacks(limits):
            if now() >= deadline:
                raise NoRoom(lack)
            await asyncio.sleep(ROOM_LOOK_S)

    def _look(self, now: float) -> Room:
        """A tenth of a second old at most: a look costs a tenth of a short run."""
        if now >= self._seen_at + ROOM_LOOK_S:
            self._seen, self._seen_at = self._room(self._scratch_root), now
        return self._seen

    async def _take(self, owner: str) -> Child:
        while True:
            found = await self._free.get(owner)
            if isinstance(found, KeeperClosed):
                self._free.put(found)  # for the next who waits
                raise KeeperClosed
            if isinstance(found, SandboxError):
                self._in_background(self._bring_up())
                raise found
            if found.alive:
                return found
            self._replace(found)

    async def _give_back(self, child: Child) -> None:
        """It gets another job when it has cleared away what the last one left."""
        if child.alive and await child.tidied():
            self._free.put(child)
        else:
            self._replace(child)

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
            self._free.put(await self._spawn())
        except SandboxError as error:
            self._free.put(error)

    async def _spawn(self) -> Child:
        assert self._scratch
        try:
            child = await Child.spawn(image=self._image, folder=self._scratch.new_folder())
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
