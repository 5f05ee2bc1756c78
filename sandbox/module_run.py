"""One run of a tenant's module, inside the child process: a fresh instance, its limits, its streams and folders."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from wasmtime import ExitTrap, Linker, Memory, Module, Store, Trap, WasiConfig, WasmtimeError

from sandbox.confine import limit_files
from sandbox.folders import DATA, TEMPORARY, WORKSPACE, Changes, Folders
from sandbox.job import Asked
from sandbox.module_engine import ENTRY, MEMORY, limit, make_module_engine
from sandbox.module_streams import Streams
from sandbox.module_verdict import ModuleEnd, module_verdict
from sandbox.runtime import Answer, answer
from sandbox.said import News, Said
from sandbox.watch import Watch, Watched

PLENTY = 2**62  # of fuel: counted, and told


class ModuleRuntime:
    """
    Args:
        watch, folders, hear, blocked: as `Runtime` has them.
    """

    def __init__(
        self, *, watch: Watch, folders: Folders, hear: Callable[[News], None], blocked: Callable[[Answer], None]
    ) -> None:
        self._watch, self._folders, self._hear, self._blocked = watch, folders, hear, blocked
        self._engine = make_module_engine()
        self._linker = Linker(self._engine)
        self._linker.define_wasi()

    def run(self, asked: Asked) -> Answer:
        """`tidy` must follow. The native code comes from the keeper, who had it made."""
        self._folders.lay(asked.files, asked.workspace)
        wasi, store = _wasi(asked), Store(self._engine)
        said = Said(asked.limits, self._engine.increment_epoch)
        streams = Streams(wasi, asked.guest["stdin"], asked.limits, said)
        try:
            store.set_wasi(wasi)
            return self._run(store, asked, said, streams)
        finally:
            store.close()
            streams.close()

    def tidy(self) -> None:
        self._folders.clear()

    def _run(self, store: Store, asked: Asked, said: Said, streams: Streams) -> Answer:
        limits, started = asked.limits, time.monotonic()
        fuel = PLENTY if limits.fuel is None else limits.fuel
        limit(store, limits, fuel)

        def told(end: ModuleEnd, *, late: bool, left: str | None = None) -> dict[str, Any]:
            status, error = module_verdict(end, exceeded=said.exceeded, late=late, limits=limits, left=left)
            return {"status": status, "error": error, "wall_s": time.monotonic() - started}

        def look() -> bool:
            full = streams.pump()
            if asked.listening and (news := said.news()):
                self._hear(news)
            return full

        def blocked() -> None:
            self._blocked(answer(said, **told(ModuleEnd(trap=""), late=True)))

        work = Watched(limits.wall_s, interrupt=self._engine.increment_epoch, blocked=blocked, look=look)
        limit_files(running=True)
        with self._watch.over(work):
            end = self._execute(store, asked)
        limit_files(running=False)
        streams.pump()
        changes = self._folders.changes(limits) if end.trap is None else Changes()
        facts = told(end, late=work.late, left=changes.exceeded)
        used = None if end.interrupted else fuel - store.get_fuel()
        return answer(said, changes, **facts, memory_bytes=end.memory_bytes, fuel=used)

    def _execute(self, store: Store, asked: Asked) -> ModuleEnd:
        assert asked.native is not None
        memory = None
        try:
            module = Module.deserialize(self._engine, asked.native)
            exports = self._linker.instantiate(store, module).exports(store)
            memory = exports[MEMORY]
            exports[ENTRY](store)  # type: ignore[operator]
        except ExitTrap as left:
            return ModuleEnd(code=left.code, memory_bytes=_size(memory, store))
        except (Trap, WasmtimeError) as trap:
            return ModuleEnd(trap=str(trap), memory_bytes=_size(memory, store))
        return ModuleEnd(memory_bytes=_size(memory, store))


def _size(memory: object, store: Store) -> int:
    return memory.data_len(store) if isinstance(memory, Memory) else 0


def _wasi(asked: Asked) -> WasiConfig:
    """Its arguments, the environment that was asked for, its folders. No network, nothing of the host."""
    wasi = WasiConfig()
    wasi.argv = asked.guest["arguments"]
    wasi.env = list(asked.guest["environment"].items())
    wasi.preopen_dir(WORKSPACE, f"/{WORKSPACE}", True)
    wasi.preopen_dir(TEMPORARY, f"/{TEMPORARY}", True)
    if asked.files:
        wasi.preopen_dir(DATA, f"/{DATA}", False)
    wasi.preopen_dir(WORKSPACE, ".", True)  # what has no place of its own is here
    return wasi
