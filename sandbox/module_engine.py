"""
The engine for modules that are not ours: the same settings when one is compiled and when it runs, or it isn't loaded.

What such modules have no use for is off: each proposal more is code more that a hostile one can reach.
"""

from __future__ import annotations

from wasmtime import Config, Engine, FuncType, MemoryType, Module, Store

from sandbox.engine import STACK_BYTES
from sandbox.errors import ModuleRefused
from sandbox.limits import Limits

WASI = "wasi_snapshot_preview1"
ENTRY, MEMORY = "_start", "memory"
ALLOWED = frozenset(
    f"{WASI}.{name}"
    for name in (
        "args_get",
        "args_sizes_get",
        "clock_res_get",
        "clock_time_get",
        "environ_get",
        "environ_sizes_get",
        "fd_advise",
        "fd_allocate",
        "fd_close",
        "fd_datasync",
        "fd_fdstat_get",
        "fd_fdstat_set_flags",
        "fd_fdstat_set_rights",
        "fd_filestat_get",
        "fd_filestat_set_size",
        "fd_filestat_set_times",
        "fd_pread",
        "fd_prestat_dir_name",
        "fd_prestat_get",
        "fd_pwrite",
        "fd_read",
        "fd_readdir",
        "fd_renumber",
        "fd_seek",
        "fd_sync",
        "fd_tell",
        "fd_write",
        "path_create_directory",
        "path_filestat_get",
        "path_filestat_set_times",
        "path_link",
        "path_open",
        "path_readlink",
        "path_remove_directory",
        "path_rename",
        "path_symlink",
        "path_unlink_file",
        "poll_oneoff",
        "proc_exit",
        "random_get",
        "sched_yield",
    )
)  # fmt: skip  (not there: sock_*, as there is no network, and proc_raise)


def make_module_engine() -> Engine:
    """Metered, so that a run tells what it used."""
    config = Config()
    config.epoch_interruption = True
    config.consume_fuel = True
    config.max_wasm_stack = STACK_BYTES
    config.parallel_compilation = False  # one upload has one core, and its process needs no further thread
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    config.wasm_relaxed_simd = False
    config.wasm_exceptions = False
    config.wasm_gc = False
    config.wasm_function_references = False
    config.wasm_component_model = False
    return Engine(config)


def check_interface(module: Module) -> None:
    """
    Raises:
        ModuleRefused: it imports what it may not, or lacks `_start` or its memory.
    """
    for wanted in module.imports:
        name = f"{wanted.module}.{wanted.name or ''}"
        if name not in ALLOWED or not isinstance(wanted.type, FuncType):
            raise ModuleRefused(
                f"It imports {name[:120]!r}: modules may import functions of {WASI} other than sockets."
            )
    exports = {export.name: export.type for export in module.exports}
    entry = exports.get(ENTRY)
    if not isinstance(entry, FuncType) or entry.params or entry.results:
        raise ModuleRefused(f"It exports no function {ENTRY!r} without parameters and results: build it as a command.")
    if not isinstance(exports.get(MEMORY), MemoryType):
        raise ModuleRefused(f"It exports no memory called {MEMORY!r}.")


def limit(store: Store, limits: Limits, fuel: int) -> None:
    store.set_limits(
        memory_size=limits.memory_bytes,
        table_elements=limits.table_elements,
        instances=limits.instances,
        tables=limits.tables,
        memories=limits.memories,
    )
    store.set_fuel(fuel)
    store.set_epoch_deadline(1)
