"""One run: a fresh instance of the image, its limits, and what it said. Used inside the child process only."""

from __future__ import annotations

import base64
import json
import threading
import time
from pathlib import Path
from typing import Any

from wasmtime import Config, Engine, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component, Linker

from sandbox.limits import Limits

STACK_BYTES = 2 * 1024 * 1024  # above it the host panics; the default of 512 KiB traps ordinary code
LONG = 10**9  # epoch ticks: no deadline while instantiating


def make_engine() -> Engine:
    config = Config()
    config.epoch_interruption = True
    config.max_wasm_stack = STACK_BYTES
    config.wasm_component_model = True
    return Engine(config)


def compile_component(path: Path) -> bytes:
    return bytes(Component.from_file(make_engine(), str(path)).serialize())


class Said:
    """Collects what the guest emits, up to the limits. Never raises: an exception in a host call harms the host."""

    def __init__(self, limits: Limits, stop: Any) -> None:
        self.limits, self._stop = limits, stop
        self.output: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.artifacts: list[tuple[str, str, bytearray]] = []
        self.exceeded: str | None = None
        self._calls = 0

    def emit(self, _store: Any, kind: str, text: str) -> bool:
        try:
            self._calls += 1
            if self._calls > self.limits.emits:
                return self._full(f"more than {self.limits.emits} pieces of output")
            data = text.encode("latin-1")
            return self._text(kind, data) if kind in self.output else self._artifact(kind, data)
        except BaseException as error:
            return self._full(f"unreadable output ({type(error).__name__})")

    def _text(self, kind: str, data: bytes) -> bool:
        room = self.limits.output_bytes - sum(map(len, self.output.values()))
        self.output[kind] += data[:room]
        return len(data) <= room or self._full(f"more than {self.limits.output_bytes} bytes of output")

    def _artifact(self, kind: str, data: bytes) -> bool:
        if kind != "continue":
            _, media_type, name = kind.split(":", 2)
            self.artifacts.append((name, media_type, bytearray()))
        self.artifacts[-1][2].extend(data)
        total = sum(len(made) for _, _, made in self.artifacts)
        if total > self.limits.artifact_bytes or len(self.artifacts) > self.limits.artifacts:
            self.artifacts.pop()
            return self._full(f"more than {self.limits.artifacts} files or {self.limits.artifact_bytes} bytes in files")
        return True

    def _full(self, what: str) -> bool:
        self.exceeded = self.exceeded or what
        self._stop()  # also ends code that catches the guest's own exception
        return False


class Runtime:
    def __init__(self, image: Path) -> None:
        self._engine = make_engine()
        self._component = Component.deserialize_file(self._engine, str(image))

    def run(self, *, code: str, stdin: str, limits: Limits, data_dir: str | None) -> dict[str, Any]:
        """
        Run the code in a fresh instance. Only compute is interrupted here: a blocking host call is the keeper's.

        Returns the frame that the keeper reads: status, stdout, stderr, value, error, artifacts, wall_s.
        """
        said = Said(limits, self._engine.increment_epoch)
        started = time.monotonic()
        answer: dict[str, Any] = {}
        trap: str | None = None
        timer = threading.Timer(limits.wall_s, self._engine.increment_epoch)
        try:
            store = self._store(limits, data_dir)
            linker = Linker(self._engine)
            linker.add_wasip2()
            with linker.root() as root:
                root.add_func("emit", said.emit)
            instance = linker.instantiate(store, self._component)
            run = instance.get_func(store, "run")
            store.set_epoch_deadline(1)
            timer.start()
            answer = json.loads(run(store, code, stdin))  # type: ignore[misc]
            run.post_return(store)  # type: ignore[union-attr]
        except WasmtimeError as error:
            trap = str(error)
        finally:
            timer.cancel()
        wall_s = time.monotonic() - started
        status, error_text = judge(answer, trap, said.exceeded, wall_s, limits)
        return {
            "status": status,
            "stdout": said.output["stdout"].decode("utf-8", "replace"),
            "stderr": said.output["stderr"].decode("utf-8", "replace"),
            "value": (answer.get("value") or "")[: limits.output_bytes] or None,
            "error": error_text,
            "artifacts": [[name, kind, base64.b64encode(made).decode()] for name, kind, made in said.artifacts],
            "wall_s": wall_s,
        }

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


def judge(
    answer: dict[str, Any], trap: str | None, exceeded: str | None, wall_s: float, limits: Limits
) -> tuple[str, str | None]:
    """The outcome's status, and a sentence that names the limit where one was met. Pure."""
    if exceeded:
        return "output", f"The code wrote {exceeded}; the rest was cut"
    if trap is not None and wall_s >= limits.wall_s:
        return "timeout", f"The code ran longer than {limits.wall_s:g} s"
    if trap is not None:
        return "crash", f"The code broke its sandbox off: {trap.splitlines()[0][:300]}"
    if answer.get("kind") == "MemoryError":
        return "memory", f"The code needed more than {limits.memory_bytes // 2**20} MiB of memory"
    return ("error", answer["error"]) if answer.get("error") else ("ok", None)
