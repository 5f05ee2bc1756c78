"""How a run ended, in one word and a sentence that names the limit."""

from __future__ import annotations

import pytest

from sandbox.limits import MIB, Limits
from sandbox.runtime import read_answer
from sandbox.verdict import Ended, verdict

LIMITS = Limits(wall_s=2.5, memory_bytes=256 * MIB, fuel=1000)
TRACE = "Traceback ...\nKeyError: 1\n"
STACK = "error while executing at wasm backtrace:\n   0: x\n\nCaused by:\n    wasm trap: call stack exhausted"


@pytest.mark.parametrize(
    ("ended", "exceeded", "late", "status", "says"),
    [
        (Ended(), None, False, "ok", None),
        (Ended(), None, True, "ok", None),
        (Ended(error=TRACE, kind="KeyError"), None, False, "error", "KeyError: 1"),
        (Ended(error="MemoryError: ", kind="MemoryError"), None, False, "memory", "256 MiB of memory"),
        (Ended(error="MemoryError: Parser stack overflowed", kind="MemoryError"), None, False, "error", "Parser"),
        (Ended(trap="wasm trap: interrupt"), None, True, "timeout", "longer than 2.5 s"),
        (Ended(trap="wasm trap: interrupt"), "more than 1 MiB of output", True, "output", "1 MiB of output"),
        (Ended(), "more than 1 MiB of output", False, "output", "the rest was cut"),
        (Ended(trap=STACK), None, False, "error", "stack of 2 MiB"),
        (Ended(trap="memory minimum size of 600 pages exceeds memory limits"), None, False, "memory", "256 MiB"),
        (Ended(trap="backtrace:\n\nCaused by:\n    wasm trap: unreachable"), None, False, "crash", "unreachable"),
        (Ended(trap="wasm trap: unreachable", memory_bytes=255 * MIB), None, False, "memory", "256 MiB of memory"),
        (Ended(trap="wasm trap: unreachable", memory_bytes=200 * MIB), None, False, "crash", "unreachable"),
        (Ended(trap="wasm trap: interrupt", memory_bytes=256 * MIB), None, True, "timeout", "longer than 2.5 s"),
        (Ended(trap="its answer was unreadable", memory_bytes=256 * MIB), None, False, "crash", "unreadable"),
        (Ended(trap=""), None, False, "crash", "no reason given"),
        (Ended(left=True), None, False, "error", "os._exit"),
        (Ended(trap="wasm trap: all fuel consumed by WebAssembly"), None, False, "fuel", "fuel of 1000"),
    ],
)
def test_each_end_has_its_verdict(
    ended: Ended, exceeded: str | None, late: bool, status: str, says: str | None
) -> None:
    told, text = verdict(ended, exceeded=exceeded, late=late, limits=LIMITS)
    assert told == status
    assert text is None if says is None else says in (text or "")


@pytest.mark.parametrize("ended", [Ended(), Ended(error=TRACE, kind="KeyError"), Ended(left=True)])
def test_too_full_a_workspace_is_said_whatever_the_code_said(ended: Ended) -> None:
    told, text = verdict(ended, exceeded=None, late=False, limits=LIMITS, left="more than 5 files")
    assert told == "files" and "more than 5 files" in (text or "")


def test_an_honest_answer_is_read() -> None:
    assert read_answer('{"error": "no", "kind": "KeyError"}') == Ended(error="no", kind="KeyError")
    assert read_answer('{"error": null, "kind": null}') == Ended()


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '{"error": 1, "kind": null}', "[" * 60_000, '"' + "x" * 70_000 + '"', '{"error": null}']
)
def test_a_forged_answer_is_a_crash(text: str) -> None:
    assert verdict(read_answer(text), exceeded=None, late=False, limits=LIMITS)[0] == "crash"
