"""How a module's run ended, in its author's words."""

from __future__ import annotations

import pytest

from sandbox.limits import MIB, Limits
from sandbox.module_verdict import ModuleEnd, module_verdict

LIMITS = Limits(wall_s=2, memory_bytes=64 * MIB)
BACKTRACE = (
    "error while executing at wasm backtrace:\n    0:  0x35 - <unknown>!abort\n    1: 0x40 - <unknown>!main\n\n"
    "Caused by:\n    0: memory fault\n    1: wasm trap: wasm `unreachable` instruction executed\n"
)


def verdict(
    end: ModuleEnd, exceeded: str | None = None, left: str | None = None, late: bool = False
) -> tuple[str, str]:
    status, error = module_verdict(end, exceeded=exceeded, left=left, late=late, limits=LIMITS)
    return status, error or ""


def test_a_module_that_ends_well_is_ok() -> None:
    assert verdict(ModuleEnd()) == ("ok", "")


@pytest.mark.parametrize(
    ("end", "status", "words"),
    [
        (ModuleEnd(code=3), "error", "ended with exit code 3."),
        (ModuleEnd(trap=BACKTRACE), "error", "`unreachable` instruction executed, in abort < main."),
        (ModuleEnd(trap=""), "error", "no reason given"),
        (ModuleEnd(trap="wasm trap: all fuel consumed by WebAssembly"), "fuel", "used up its fuel"),
        (ModuleEnd(code=7, memory_bytes=63 * MIB), "memory", "63 MiB of the 64 MiB"),
        (ModuleEnd(code=7, memory_bytes=30 * MIB), "error", "exit code 7"),
    ],
)
def test_how_it_ended_badly(end: ModuleEnd, status: str, words: str) -> None:
    found, error = verdict(end)
    assert found == status and words in error


def test_what_was_interrupted_is_told_from_what_broke_off_by_itself() -> None:
    assert ModuleEnd(trap="Caused by:\n    wasm trap: interrupt\n").interrupted
    assert not ModuleEnd(trap=BACKTRACE).interrupted and not ModuleEnd(code=3).interrupted


def test_what_was_too_much_comes_first() -> None:
    trap = ModuleEnd(trap="interrupt")
    assert verdict(trap, late=True) == ("timeout", "The code ran longer than 2 s.")
    assert verdict(trap, exceeded="more than 1 MiB of output", late=True)[0] == "output"
    assert verdict(ModuleEnd(), left="more than 3 files")[0] == "files"
    assert verdict(ModuleEnd(code=0, memory_bytes=64 * MIB)) == ("ok", ""), "all of its memory is its own"
