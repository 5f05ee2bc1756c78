"""One child process, as its keeper sees it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.frames import Frame, receive
from sandbox.job import Job, pack_job
from sandbox.limits import MIB, Limits
from sandbox.outcome import Outcome, read_confined, read_news, read_outcome
from sandbox.verdict import too_long

ROOT = Path(__file__).resolve().parents[1]
START_S = 60.0
TIDY_S = 3.0  # then it is cheaper to start another

Heard = Callable[[str, str], None]  # kind ("stdout" or "stderr") and text


@dataclass(eq=False)
class Child:
    """
    Args:
        folder: its private one; whoever ends the child removes it.
        untidy: it has answered a job, and has not said yet that its folders are empty again.
    """

    process: asyncio.subprocess.Process
    folder: Path
    killed: bool = False
    confined: Mapping[str, int] = field(default_factory=dict)
    untidy: bool = False
    _talking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def spawn(cls, *, image: tuple[Path, ...], folder: Path) -> Child:
        """Not ready yet: see `ready`. It dies with the thread that calls this."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # no module is found in the private folder
            "-m",
            "sandbox.child",
            *map(str, image),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MIB,
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
            start_new_session=True,
        )
        return cls(process, folder)

    async def ready(self) -> None:
        """
        Raises:
            SandboxError: it did not come up.
        """
        try:
            async with self._talking, asyncio.timeout(START_S):
                assert self.process.stdout
                said = await receive(self.process.stdout, MIB)
            self.confined = read_confined(said)
        except (TimeoutError, EOFError, ValueError):
            raise SandboxError("A sandbox process did not start; its reason is in the log above.") from None

    async def ask(self, job: Job, limits: Limits, heard: Heard | None = None) -> Outcome:
        """
        Never raises: a lost or lying child is the outcome `crash`, one that had to be killed is `timeout`. It is alive
        afterwards only if it can have another job.
        """
        try:
            async with self._talking, asyncio.timeout(limits.wall_s + limits.grace_s):
                assert self.process.stdin and self.process.stdout
                self.process.stdin.writelines(pack_job(job, limits, listening=heard is not None))
                await self.process.stdin.drain()
                frame = await self._answer(limits, heard)
            if frame.value.pop("last", False):
                self.kill()
            self.untidy = True
            return read_outcome(frame, job.workspace, limits)
        except TimeoutError:
            self.kill()
            return Outcome("timeout", error=too_long(limits), wall_s=limits.wall_s + limits.grace_s)
        except (EOFError, ConnectionError):
            self.kill()
            return Outcome("crash", error="The sandbox process was lost while the code ran.")
        except ValueError:
            self.kill()
            return Outcome("crash", error="The sandbox process gave an unreadable answer and was ended.")

    async def tidied(self, within_s: float = TIDY_S) -> bool:
        """
        Before another job: whether it has cleared away what the last one left, which may be much. The time that takes
        is no part of any job's. False: it has to be ended.
        """
        try:
            async with self._talking, asyncio.timeout(within_s):
                if self.untidy:
                    assert self.process.stdout
                    await receive(self.process.stdout, MIB)
                    self.untidy = False
        except (TimeoutError, EOFError, ConnectionError, ValueError):
            return False
        return True

    async def _answer(self, limits: Limits, heard: Heard | None) -> Frame:
        """News is passed on as it comes. A byte that is no text becomes a sign of three."""
        assert self.process.stdout
        left_bytes = 3 * limits.output_bytes
        while True:
            frame = await receive(self.process.stdout, limits.answer_bytes())
            if "news" not in frame.value:
                return frame
            for kind, text in read_news(frame):
                left_bytes -= len(text.encode())
                if left_bytes < 0:
                    raise ValueError("more news than output")
                if heard:
                    heard(kind, text)

    @property
    def alive(self) -> bool:
        return not self.killed and self.process.returncode is None

    def kill(self) -> None:
        """Not by `process.kill()`, which reaps a child that is already dead behind the back of asyncio."""
        if self.alive:
            self.killed = True
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)

    async def gone(self) -> None:
        """After `kill`. What it wrote is read to the end: asyncio waits for the pipe too, and a full one never ends."""
        assert self.process.stdout
        async with self._talking:
            while await self.process.stdout.read(MIB):
                pass
        await self.process.wait()
