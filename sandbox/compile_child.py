"""
The process in which one module is compiled: as little trusted as those in which code runs, and killed when it is late.

Reads one frame, the run's limits and the module, and answers with facts and native code, or with the reason against it.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from wasmtime import Engine, Linker, Module, Store, Trap, WasiConfig, WasmtimeError, wat2wasm

from sandbox.child import take_pipes
from sandbox.confine import confine, limit_data
from sandbox.errors import ModuleRefused
from sandbox.frames import read_frame, write_frame
from sandbox.limits import Limits
from sandbox.module_engine import check_interface, limit, make_module_engine

MAGIC = b"\0asm"
TRIAL = '(module (memory (export "memory") 1) (func (export "_start")))'
START_FUEL = 10_000_000  # for what a module does before its entry is called
LISTED = 100
Answer = tuple[dict[str, Any], list[bytes]]


def main() -> None:
    """The arguments: seconds of processor time, bytes of memory."""
    jobs, answers = take_pipes()
    engine = make_module_engine()
    compiled(engine, bytes(wat2wasm(TRIAL)), Limits())  # all that wasmtime loads is loaded before the rest is given up
    confine()
    seconds, size_bytes = map(int, sys.argv[1:3])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    limit_data(size_bytes)
    write_frame(answers, {"ready": True})
    job = read_frame(jobs)
    if job is not None:
        write_frame(answers, *answer(engine, job.blobs[0], Limits(**job.value["limits"])))


def answer(engine: Engine, wasm: bytes, limits: Limits) -> Answer:
    try:
        return compiled(engine, wasm, limits)
    except (ModuleRefused, WasmtimeError, Trap) as refused:
        return {"refused": in_a_sentence(refused)}, []


def compiled(engine: Engine, wasm: bytes, limits: Limits) -> Answer:
    """
    Raises:
        ModuleRefused, WasmtimeError, Trap
    """
    if not wasm.startswith(MAGIC):
        raise ModuleRefused("It is no WebAssembly: its first bytes are not those of a module.")
    started = time.monotonic()
    module = Module(engine, wasm)
    compile_s = time.monotonic() - started
    check_interface(module)
    try_out(engine, module, limits)
    native = bytes(module.serialize())
    facts = {
        "imports": [f"{each.module}.{each.name}" for each in module.imports][:LISTED],
        "exports": [(each.name or "")[:120] for each in module.exports][:LISTED],
        "memory_pages": next(e.type.limits.min for e in module.exports if e.name == "memory"),  # type: ignore[union-attr]
        "wasm_bytes": len(wasm),
        "native_bytes": len(native),
        "compile_s": round(compile_s, 3),
    }
    return facts, [native]


def try_out(engine: Engine, module: Module, limits: Limits) -> None:
    """An instance within the limits; its entry is not called. What it begins with by itself has little fuel."""
    store = Store(engine)
    limit(store, limits, START_FUEL)
    store.set_wasi(WasiConfig())
    linker = Linker(engine)
    linker.define_wasi()
    linker.instantiate(store, module)


def in_a_sentence(refused: Exception) -> str:
    """wasmtime's own words name the limit, the import, or the place in the file."""
    if isinstance(refused, ModuleRefused):
        return str(refused)
    lines = [line.strip() for line in str(refused).splitlines() if line.strip()]
    if isinstance(refused, Trap):
        return f"What it does before _start is called fails: {lines[-1][:300]}."
    told = [line for line in lines if line != "Caused by:"]
    return f"It can't be used: {': '.join(told)[:400]}."


if __name__ == "__main__":
    main()
