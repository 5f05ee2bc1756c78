"""
Asks tenants' own modules, each tenant's in a process of its own, which is ended when it is late: the engine knows no limit
of time, and a pattern or a range that is large enough hangs or crashes it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from policies.tightening import RULES, OwnAnswer, OwnSource
from sandbox.frames import Frame, pack, receive
from sandbox.limits import MIB

ROOT = Path(__file__).resolve().parents[1]
START_S = 15.0  # for the process to come up, and to compile
REST_S = 10.0  # in which modules that failed are not asked again, unless they are changed
ANSWER_BYTES = MIB


class NoAnswer(Exception):
    """The modules can't be asked now; the message says why."""


@dataclass
class _Own:
    """Of one tenant; `child` is there while its process is."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    modules: tuple[OwnSource, ...] = ()
    child: _Child | None = None
    asked_at: float = 0.0
    failed_at: float = 0.0
    why: str = ""


class OwnPolicies:
    """
    Args:
        within_s: for one answer; then its process is killed.
        size: processes at most; the one that was not asked for longest makes room.
        memory_bytes: of one process.
    """

    def __init__(self, *, within_s: float, size: int, memory_bytes: int = 256 * MIB) -> None:
        self._within_s, self._size, self._memory_bytes = within_s, size, memory_bytes
        self._own: dict[Hashable, _Own] = {}
        self._free = asyncio.Semaphore(size)

    async def ask(self, whose: Hashable, modules: tuple[OwnSource, ...], text: str) -> list[OwnAnswer]:
        """
        Of the rules that hold.

        Args:
            text: the input, as JSON.
        Raises:
            NoAnswer
        """
        own = self._own.setdefault(whose, _Own())
        async with own.turn:
            if own.modules != modules:
                await self._end(own)
                own.modules, own.why = modules, ""
            if own.why and time.monotonic() - own.failed_at < REST_S:
                raise NoAnswer(own.why)
            async with self._free:
                return await self._answer(own, text)

    async def close(self) -> None:
        """
        After those that are being asked: a loop that is closed while it starts a process waits for it for ever (asyncio of
        Python 3.11 cancels the task that lays the pipes).
        """
        for own in list(self._own.values()):
            async with own.turn:
                await self._end(own)

    async def _answer(self, own: _Own, text: str) -> list[OwnAnswer]:
        own.asked_at, own.why = time.monotonic(), ""
        try:
            if own.child is None:
                await self._make_room()
                own.child = await _Child.start(own.modules, self._memory_bytes)
            async with asyncio.timeout(self._within_s):
                return await own.child.ask(text)
        except TimeoutError:
            own.why = f"the tenant's modules gave no answer within {self._within_s:g} s"
        except (EOFError, ConnectionError, ValueError, OSError):
            own.why = "the tenant's modules ended the policy engine"
        except NoAnswer as error:
            own.why = str(error)
        except BaseException:  # the call was given up in the middle of an answer
            await self._end(own)
            raise
        own.failed_at = time.monotonic()
        await self._end(own)
        raise NoAnswer(own.why)

    async def _make_room(self) -> None:
        """So many at most are being asked, so there is an idle one when all places are taken."""
        living = [own for own in self._own.values() if own.child]
        idle = [own for own in living if not own.turn.locked()]
        if len(living) >= self._size and idle:
            await self._end(min(idle, key=lambda own: own.asked_at))

    async def _end(self, own: _Own) -> None:
        child, own.child = own.child, None
        if child:
            await child.end()


class _Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, modules: Sequence[OwnSource], memory_bytes: int) -> _Child:
        """
        Raises:
            NoAnswer: the modules can't be loaded. TimeoutError, EOFError, ValueError, OSError: it did not start.
        """
        with tempfile.TemporaryDirectory(prefix="hartley-policy-") as folder:
            os.chmod(folder, 0o711)  # its own user works in there, until it is started
            child = cls(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", "policies.own_child", str(memory_bytes),
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=MIB, cwd=folder,
                    env={"PYTHONPATH": str(ROOT), "PATH": os.defpath}, start_new_session=True,
                )
            )  # fmt: skip
            try:
                async with asyncio.timeout(START_S):
                    await child._heard()
                    await child._load(modules)
            except BaseException:
                await child.end()
                raise
        return child

    async def ask(self, text: str) -> list[OwnAnswer]:
        """
        Raises:
            EOFError, ConnectionError, ValueError: it has ended, or says something else.
        """
        match (await self._say({"text": text})).value:
            case {"answers": list(answers)}:
                return [_read(answer) for answer in answers]
        raise ValueError("not an answer")

    async def end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()

    async def _load(self, modules: Sequence[OwnSource]) -> None:
        """
        Raises:
            NoAnswer
        """
        loaded = await self._say({"modules": [[each.name, each.source] for each in modules]})
        if "ready" not in loaded.value:
            raise NoAnswer(f"a module can't be loaded: {loaded.value.get('broken')}")

    async def _say(self, value: dict[str, object]) -> Frame:
        assert self._process.stdin
        self._process.stdin.writelines(pack(value))
        await self._process.stdin.drain()
        return await self._heard()

    async def _heard(self) -> Frame:
        assert self._process.stdout
        return await receive(self._process.stdout, ANSWER_BYTES)


def _read(answer: object) -> OwnAnswer:
    match answer:
        case [str(module), str(rule), list(reasons)] if rule in RULES and all(
            isinstance(each, str) for each in reasons
        ):
            return OwnAnswer(module, rule, reasons)
    raise ValueError("not an answer")
