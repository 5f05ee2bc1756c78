"""Modules for tests: from the text beside this file, and from C where Debian's clang for WASI is or may be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from wasmtime import wat2wasm

HERE = Path(__file__).parent
PACKAGES = ["clang", "lld", "wasi-libc", "libclang-rt-dev-wasm32"]
HEADERS = Path("/usr/include/wasm32-wasi")


@cache
def wasm(name: str) -> bytes:
    return bytes(wat2wasm((HERE / f"{name}.wat").read_text()))


def of_text(text: str) -> bytes:
    return bytes(wat2wasm(text))


def slow(operations: int = 130_000) -> bytes:
    """One function so long that compiling it takes many seconds. Each result is needed by the next."""
    one = "(local.set 0 (i32.add (i32.rotl (i32.load (local.get 0)) (local.get 1)) (local.get 0)))"
    store = "(i32.store (i32.and (local.get 0) (i32.const 0xff)) (local.get 1))"
    body = f"{one}{store}" * operations
    return of_text(f'(module (memory (export "memory") 1) (func (export "_start") (local i32 i32) {body}))')


def compiled(source: Path, folder: Path) -> bytes:
    """C by clang and wasi-libc."""
    made = folder / f"{source.stem}.wasm"
    command = ["clang", "--target=wasm32-wasi", "-O2", "-o", str(made), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made.read_bytes()


@cache
def has_clang() -> bool:
    """Installed from the system's packages where that is allowed and it is absent."""
    if not (shutil.which("clang") and HEADERS.exists()) and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], timeout=120, env=environment, **quiet)
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES]
        subprocess.run(install, timeout=300, env=environment, **quiet)
    return bool(shutil.which("clang") and HEADERS.exists())
