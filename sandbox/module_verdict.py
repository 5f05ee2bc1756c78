"""How a module's run ended, in a status and a sentence for its author. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.limits import MIB, Limits, size
from sandbox.outcome import Status
from sandbox.verdict import NEARLY_FULL, too_long, was_interrupted

FRAMES = 5
NUMBER = re.compile(r"^\d+: ")  # of a cause, where there are several


@dataclass(frozen=True)
class ModuleEnd:
    """
    Args:
        code: what it exits with.
        trap: wasmtime's text, when it was broken off.
        memory_bytes: what it had at the end, which is the most it ever had.
    """

    code: int = 0
    trap: str | None = None
    memory_bytes: int = 0

    @property
    def well(self) -> bool:
        return self.trap is None and self.code == 0

    @property
    def interrupted(self) -> bool:
        """From outside, and then what it used since its last call of a function is not counted."""
        return was_interrupted(self.trap)


def module_verdict(
    end: ModuleEnd, *, exceeded: str | None, late: bool, limits: Limits, left: str | None = None
) -> tuple[Status, str | None]:
    """Arguments as in `verdict`."""
    if exceeded:
        return "output", f"The module wrote {exceeded}; the rest was cut."
    if end.trap is not None and late:
        return "timeout", too_long(limits)
    if end.trap is not None and "all fuel consumed" in end.trap:
        return "fuel", f"The module used up its fuel of {limits.fuel}."
    if left:
        return "files", f"The module left {left} in its workspace; none of them was kept."
    if end.well:
        return "ok", None
    how = f"broke off: {cause(end.trap)}" if end.trap is not None else f"ended with exit code {end.code}"
    if end.memory_bytes > NEARLY_FULL * limits.memory_bytes:
        held = f"{end.memory_bytes / MIB:.0f} MiB of the {size(limits.memory_bytes)}"
        return "memory", f"The module {how} when it had {held} of memory that it may have."
    return "error", f"The module {how}."


def cause(trap: str) -> str:
    """The reason, and the functions that it was in, the innermost first."""
    lines = [line.strip() for line in trap.splitlines() if line.strip()]
    named = [line.rpartition("!")[2] for line in lines if "!" in line and line[:1].isdigit()]
    within = f", in {' < '.join(named[:FRAMES])}" if named else ""
    reason = NUMBER.sub("", lines[-1]) if lines else "no reason given"
    return reason[:300] + within[:300]
