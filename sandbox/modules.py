"""
Modules of tenants: compiled in a process that may be killed, and kept as native code in a folder that is ours alone.

Native code is run as it is, so it is loaded from that folder and from nowhere else. Its name is made of the module's
hash and of all that the code depends on; what another version made is never found, and what is lost is compiled anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import stat
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sandbox.compiling import compile_apart
from sandbox.errors import ModuleRefused, SandboxError
from sandbox.limits import MIB, Limits, size
from sandbox.module_limits import CompileLimits

KEPT_BYTES = 256 * MIB  # in a container the folder may lie in memory
SOURCES = [Path(__file__).with_name(name) for name in ("engine.py", "module_engine.py")]


@dataclass(frozen=True)
class Facts:
    """
    Args:
        imports, exports: the first hundred of each.
        memory_pages: of 64 KiB, that it begins with.
        compile_s: how long it took.
    """

    imports: tuple[str, ...]
    exports: tuple[str, ...]
    memory_pages: int
    wasm_bytes: int
    native_bytes: int
    compile_s: float


class Modules:
    """
    Args:
        folder: made if missing; belongs to this user alone.
        limits: for compiling. running: those that a run of a module will have.
    """

    def __init__(self, folder: Path, *, limits: CompileLimits, running: Limits, kept_bytes: int = KEPT_BYTES) -> None:
        self._folder, self._limits, self._running, self._kept_bytes = folder, limits, running, kept_bytes
        self._one = asyncio.Lock()  # at a time: each may take a core and a gigabyte

    async def check(self, wasm: bytes) -> Facts:
        """
        Compile it and try whether it fits the limits; its native code is kept.

        Raises:
            ModuleRefused: with the reason. SandboxError: no process, or no folder to trust.
        """
        if len(wasm) > self._limits.wasm_bytes:
            raise ModuleRefused(f"It has {len(wasm)} bytes; the limit is {size(self._limits.wasm_bytes)}.")
        async with self._one:
            answer = await compile_apart(wasm, self._limits, self._running)
        facts, native = _read_facts(answer.value), answer.blobs[0]
        await asyncio.to_thread(self._keep, hashlib.sha256(wasm).hexdigest(), native)
        return facts

    async def native(self, sha256: str, wasm: Callable[[], Awaitable[bytes]]) -> bytes:
        """
        The native code of a module; `wasm` is asked for the module where it is not kept here.

        Raises:
            ModuleRefused: it can't be compiled here within the limits. SandboxError: as in `check`.
        """
        kept = await asyncio.to_thread(self._kept, sha256)
        if kept is None:
            await self.check(await wasm())
            kept = await asyncio.to_thread(self._kept, sha256)
        if kept is None:
            raise ModuleRefused("It is not the module that was uploaded: its hash is another.")
        return kept

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}-{_key()}.cwasm"

    def _kept(self, sha256: str) -> bytes | None:
        self._trusted()
        path = self._path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        with suppress(OSError):
            os.utime(path)  # used now: the oldest ones go first
        return data

    def _keep(self, sha256: str, native: bytes) -> None:
        self._trusted()
        self._make_room(len(native))
        number, made = tempfile.mkstemp(dir=self._folder, prefix=".making-")
        with open(number, "wb") as file:
            file.write(native)
        os.replace(made, self._path(sha256))

    def _make_room(self, wanted_bytes: int) -> None:
        found = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(self._folder))
        left = sum(size_bytes for _, size_bytes, _ in found) + wanted_bytes
        for _, size_bytes, path in found:
            if left <= self._kept_bytes:
                return
            with suppress(FileNotFoundError):  # another process makes room as well
                os.unlink(path)
            left -= size_bytes

    def _trusted(self) -> None:
        """
        Raises:
            SandboxError: the folder can't be made, or others may write there.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = os.lstat(self._folder)
        except OSError as error:
            raise SandboxError(f"The folder of modules can't be used: {error.strerror}: {self._folder}.") from None
        open_to_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or open_to_others:
            raise SandboxError(f"The folder of modules must belong to this user and nobody else: {self._folder}.")


@cache
def _key() -> str:
    digest = hashlib.sha256("|".join([version("wasmtime"), platform.machine()]).encode())
    for source in SOURCES:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _read_facts(value: dict[str, Any]) -> Facts:
    """
    Raises:
        ModuleRefused: the process said no, or what it said makes no sense: it is not trusted.
    """
    match value:
        case {"refused": str() as reason}:
            raise ModuleRefused(reason[:600])
        case {
            "imports": list() as imports,
            "exports": list() as exports,
            "memory_pages": int() as pages,
            "wasm_bytes": int() as wasm_bytes,
            "native_bytes": int() as native_bytes,
            "compile_s": float() as compile_s,
        }:
            names = tuple(str(name)[:200] for name in imports), tuple(str(name)[:200] for name in exports)
            return Facts(*names, pages, wasm_bytes, native_bytes, compile_s)
    raise ModuleRefused("Compiling it gave an unreadable answer.")
