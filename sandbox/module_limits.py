"""What a module may take: to be compiled, and to run. Units are in the names."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.limits import MIB, Limits

TABLE_ELEMENTS, INSTANCES = 1000, 10


@dataclass(frozen=True)
class CompileLimits:
    """
    Args:
        wasm_bytes: of the module as it is uploaded.
        compile_s: wall clock; compiling can't be interrupted, so its process is killed then.
        compile_bytes: of memory, for compiling it.
    """

    wasm_bytes: int = 8 * MIB
    compile_s: float = 10.0
    compile_bytes: int = 1024 * MIB

    def answer_bytes(self) -> int:
        """Native code is larger than WebAssembly, seldom by more than six times; no file may be larger than that."""
        return min(8 * self.wasm_bytes, 64 * MIB)


def run_limits(usual: Limits) -> Limits:
    """Those of any run, with less of what only the interpreter's image needs."""
    return replace(usual, table_elements=TABLE_ELEMENTS, instances=INSTANCES, tables=INSTANCES, memories=1)
