"""
Compares two builds of the component, part by part.

A component is a tree of WebAssembly's sections: https://webassembly.github.io/spec/core/binary/modules.html#sections and
https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

HEADER_BYTES = 8
NESTED = {1: "module", 4: "component"}  # sections of a component that hold a whole one
MEMORY, GLOBAL, DATA = 5, 6, 11  # sections of a module
SNAPSHOT = {MEMORY: "memory", GLOBAL: "global", DATA: "data"}


def parts(binary: bytes, *, core: bool = False, path: str = "") -> Iterator[tuple[str, bool, bytes]]:
    """Each section's place, whether it holds what the interpreter's memory was, and a hash of it."""
    at, number = HEADER_BYTES, 0
    while at < len(binary):
        kind = binary[at]
        size, start = _unsigned(binary, at + 1)
        at, section = start + size, binary[start : start + size]
        if not core and kind in NESTED:
            yield from parts(section, core=kind == 1, path=f"{path}{NESTED[kind]} {number} ")
        else:
            snapshot = core and kind in SNAPSHOT
            name = SNAPSHOT[kind] if snapshot else f"section {kind}"
            yield f"{path}{name} {number}", snapshot, hashlib.sha256(section).digest()
        number += 1


def differences(one: bytes, other: bytes) -> tuple[list[str], list[str]]:
    """Names of sections that differ: those of the memory's snapshot, and all others."""
    known, found = ({name: rest for name, *rest in parts(binary)} for binary in (one, other))
    differ = [name for name in known.keys() | found.keys() if known.get(name) != found.get(name)]
    snapshot = {name for name in differ if (known.get(name) or found[name])[0]}
    return sorted(snapshot), sorted(set(differ) - snapshot)


def _unsigned(binary: bytes, at: int) -> tuple[int, int]:
    """A LEB128 number, and where the next byte is."""
    value = shift = 0
    while True:
        byte = binary[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at
