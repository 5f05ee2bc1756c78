"""One run: a fresh instance of the image and its limits. Used inside the child process only."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wasmtime import ExitTrap, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component, Linker

from sandbox.deadline import Deadline
from sandbox.engine import make_engine
from sandbox.limits import Limits
from sandbox.outcome import Status
from sandbox.said import Said
from sandbox.verdict import Ended, too_long, verdict

LONG = 10**9  # epoch ticks: no deadline while instantiating
ANSWER_CHARS = 64 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

Answer = tuple[dict[str, Any], list[bytes]]  # what a frame takes: value and blobs


class Runtime:
    """
    Args:
        image: the compiled component.
        blocked: gets the answer of a run that hangs in a host call (`time.sleep`), and must end the process.
    """

    def __init__(self, image: Path, blocked: Callable[[Answer], None]) -> None:
        self._engine = make_engine()
        self._component = Component.deserialize_file(self._engine, str(image))
        self._blocked = blocked

    def run(self, *, code: str, stdin: str, limits: Limits, data_dir: str | None) -> Answer:
        """Run the code in a fresh instance, with the files of `data_dir` at /data, to be read only."""
        said = Said(limits, self._engine.increment_epoch)
        started = time.monotonic()

        def blocked() -> None:
            self._blocked(answer(said, "timeout", too_long(limits), time.monotonic() - started))

        deadline = Deadline(wall_s=limits.wall_s, interrupt=self._engine.increment_epoch, blocked=blocked)
        ended, memory_bytes = self._execute(code, stdin, said, deadline, self._store(limits, data_dir))
        status, error = verdict(ended, exceeded=said.exceeded, late=deadline.passed, limits=limits)
        return answer(said, status, error, time.monotonic() - started, memory_bytes)

    def _execute(self, code: str, stdin: str, said: Said, deadline: Deadline, store: Store) -> tuple[Ended, int]:
        """How it ended, and the memory it touched: a guest's memory never shrinks, so the last look is the peak."""
        before = resident_bytes()
        try:
            run = self._instance(store, said).get_func(store, "run")
            store.set_epoch_deadline(1)
            with deadline:
                ended = read_answer(run(store, code, stdin))
        except ExitTrap:
            ended = Ended(left=True)
        except WasmtimeError as trap:
            ended = Ended(trap=str(trap))
        memory_bytes = max(0, resident_bytes() - before)
        store.close()
        return ended, memory_bytes

    def _instance(self, store: Store, said: Said) -> Any:
        linker = Linker(self._engine)
        linker.add_wasip2()
        with linker.root() as root:
            root.add_func("emit", said.emit)
        return linker.instantiate(store, self._component)

    def _store(self, limits: Limits, data_dir: str | None) -> Store:
        store = Store(self._engine)
        store.set_limits(
            memory_size=limits.memory_bytes,
            table_elements=limits.table_elements,
            instances=limits.instances,
            tables=limits.tables,
            memories=limits.memories,
        )
        wasi = WasiConfig()  # empty environment, no arguments, no input, no network, no folders
        if data_dir:
            wasi.preopen_dir(data_dir, "/data", False)
        store.set_wasi(wasi)
        store.set_epoch_deadline(LONG)
        return store


def read_answer(text: str) -> Ended:
    """The guest's own word on how it ended; the code may have forged it, so it may be anything."""
    try:
        match json.loads(text) if len(text) <= ANSWER_CHARS else None:
            case {"error": None | str() as error, "kind": None | str() as kind}:
                return Ended(error=error, kind=kind)
    except (ValueError, RecursionError):
        pass
    return Ended(trap="its answer was unreadable")


def answer(said: Said, status: Status, error: str | None, wall_s: float, memory_bytes: int | None = None) -> Answer:
    value = {
        "status": status,
        "stdout": said.text("stdout") or "",
        "stderr": said.text("stderr") or "",
        "value": said.text("value"),
        "error": error,
        "artifacts": list(said.artifacts),
        "wall_s": wall_s,
        "memory_bytes": memory_bytes,
    }
    return value, list(map(bytes, said.blobs))


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * PAGE_BYTES
