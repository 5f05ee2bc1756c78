"""The outcome's status, and a sentence that names the limit where one was met. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.limits import Limits, size
from sandbox.outcome import Status

NEARLY_FULL = 15 / 16  # of its memory: what was asked for in vain is not told to anybody
TOO_NESTED = "Parser stack overflowed"  # CPython calls this a MemoryError


@dataclass(frozen=True)
class Ended:
    """
    How the guest ended: it answered, it left by `os._exit`, or wasmtime broke it off.

    Args:
        error, kind: traceback and class of the exception that ended the code.
        trap: wasmtime's text.
        memory_bytes: what the interpreter had when wasmtime broke it off, which is the most it ever had.
    """

    error: str | None = None
    kind: str | None = None
    left: bool = False
    trap: str | None = None
    memory_bytes: int = 0

    @property
    def interrupted(self) -> bool:
        """From outside; then what it used since its last call of a function is not counted."""
        return was_interrupted(self.trap)


def verdict(
    ended: Ended, *, exceeded: str | None, late: bool, limits: Limits, left: str | None = None
) -> tuple[Status, str | None]:
    """
    Args:
        exceeded: what of the output was too much.
        left: what of the workspace was too much.
        late: the time was over before the end came.
    """
    if exceeded:
        return "output", f"The code wrote {exceeded}; the rest was cut."
    if ended.trap is not None:
        return ("timeout", too_long(limits)) if late else _trapped(ended.trap, ended.memory_bytes, limits)
    if left:
        return "files", f"The code left {left} in its workspace; none of them was kept."
    if ended.left:
        return "error", "The code ended its interpreter (os._exit)."
    if ended.kind == "MemoryError" and TOO_NESTED not in (ended.error or ""):
        return "memory", _too_large(limits)
    return ("ok", None) if ended.error is None else ("error", ended.error)


def was_interrupted(trap: str | None) -> bool:
    return trap is not None and "wasm trap: interrupt" in trap


def too_long(limits: Limits) -> str:
    return f"The code ran longer than {limits.wall_s:g} s."


def _too_large(limits: Limits) -> str:
    return f"The code needed more than {size(limits.memory_bytes)} of memory."


def _trapped(trap: str, memory_bytes: int, limits: Limits) -> tuple[Status, str]:
    if "all fuel consumed" in trap:
        return "fuel", f"The code used up its fuel of {limits.fuel}."
    if "call stack exhausted" in trap:
        return "error", "The code nests calls or data too deeply for the sandbox's stack of 2 MiB."
    if "forcing memory growth failure" in trap or "memory minimum size" in trap:
        return "memory", f"The interpreter doesn't fit into {size(limits.memory_bytes)} of memory."
    if "wasm trap" in trap and memory_bytes > NEARLY_FULL * limits.memory_bytes:  # refused for its own bookkeeping
        return "memory", _too_large(limits)
    cause = trap.strip().splitlines()[-1].strip() if trap.strip() else "no reason given"
    return "crash", f"The interpreter broke off: {cause[:300]}."
