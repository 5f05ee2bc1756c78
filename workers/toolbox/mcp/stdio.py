"""A server as a process of this worker: private to its owner, bounded in what it may say, ended with the worker."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, jsonrpc_message_adapter

from workers.toolbox.mcp import launch
from workers.toolbox.mcp.allowance import MESSAGES, VALUES, Allowance, values_in
from workers.toolbox.mcp.server import ProcessServer

MESSAGE_BYTES = 10 * 1024 * 1024
TALK_BYTES = 2 * MESSAGE_BYTES  # that it may say after one request to it
LEAVE_S = 1.0  # after its input has ended; then it is killed with all that it started
CHUNK_BYTES = 64 * 1024

Incoming = SessionMessage | Exception


class ProcessTransport:
    """
    What the SDK's client is given to speak through.

    Args:
        root: in which it has its private folder, removed with it.
    """

    def __init__(self, server: ProcessServer, root: Path) -> None:
        self._server, self._root = server, root
        self._ended = False
        self._allowance = _allowance()
        self._pumps: list[asyncio.Task[None]] = []

    @property
    def alive(self) -> bool:
        return not self._ended and self._process.returncode is None

    async def __aenter__(self) -> TransportStreams:
        """
        Raises:
            OSError: it can't be started.
        """
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(dir=self._root))
        try:
            self._process = await self._start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        heard, incoming = anyio.create_memory_object_stream[Incoming](0)
        outgoing, said = anyio.create_memory_object_stream[SessionMessage](0)
        self._streams = (heard, incoming, outgoing, said)
        pumps = (self._read(heard), self._write(said), self._drain())
        self._pumps = [asyncio.create_task(pump) for pump in pumps]
        return incoming, outgoing

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended = True
        try:
            await self._leave()
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # whoever it started and left behind
            for pump in self._pumps:
                pump.cancel()
            for stream in self._streams:
                stream.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _start(self) -> asyncio.subprocess.Process:
        folder = str(self._folder)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-IS",
            launch.__file__,
            str(os.getpid()),
            *(part.replace("{folder}", folder) for part in self._server.argv),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MESSAGE_BYTES,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LANG": "C.UTF-8", **self._server.env},
            start_new_session=True,
        )

    async def _leave(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                while self._process.returncode is None:  # `wait` would wait for its children's pipes as well
                    await asyncio.sleep(0.01)

    async def _read(self, heard: MemoryObjectSendStream[Incoming]) -> None:
        """Until it ends or says too much; the session then learns that the connection is over."""
        assert self._process.stdout
        try:
            async with heard:
                while line := await self._process.stdout.readline():
                    if not self._allowance.take(line) or values_in(line) > VALUES:
                        return
                    with suppress(ValueError):  # what is no message is noise, such as a greeting
                        await heard.send(SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False)))
        except (ValueError, OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # a line without an end, or a session that is over
        finally:
            self._ended = True

    async def _write(self, said: MemoryObjectReceiveStream[SessionMessage]) -> None:
        assert self._process.stdin
        try:
            async for message in said:
                if isinstance(
                    message.message, JSONRPCRequest
                ):  # an answer to the server's own would let it talk for ever
                    self._allowance = _allowance()
                line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                self._process.stdin.write(line.encode() + b"\n")
                await self._process.stdin.drain()
        except (OSError, anyio.ClosedResourceError):
            self._ended = True

    async def _drain(self) -> None:
        """What it complains of is read, so that it doesn't block, and forgotten: it may hold secrets."""
        assert self._process.stderr
        while await self._process.stderr.read(CHUNK_BYTES):
            pass


def _allowance() -> Allowance:
    return Allowance(TALK_BYTES, values=2 * VALUES, lines=MESSAGES)
