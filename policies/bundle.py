"""Rego sources and what they compile to. Whether the result is fit for use is asked in proof.py."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import regopy

from policies.decision import POINTS, Point
from policies.errors import PolicyInvalid

FOLDER = Path(__file__).parent / "rego"
TEST_SUFFIX = "_test.rego"
REVISION_CHARS = 16
# What this engine does otherwise than Rego says, and what shows too much. Refused wherever it stands, comments too.
UNSAFE = {
    re.compile(r"\bopa\b"): "the word opa is not allowed, since opa.runtime shows the server's environment",
    re.compile(r"\bwith\s+(input|data)\b"): "`with` is not allowed, since it crashes the engine",
    re.compile(r"\bevery\b(?:(?!\n\s*\n).)*?\bnot\b", re.DOTALL): (
        "`not` is overlooked inside `every`; count the matches of a comprehension instead"
    ),
}
INPUT = re.compile(r"\binput\b(?:\.(\w+))?")
FAULT = re.compile(r"\(error (?:\d+:([^|]*))?\|?(\d*).*?\(errormsg \d+:(.*?)\)\s", re.DOTALL)


@dataclass(frozen=True)
class Bundle:
    """
    Compiled modules. All threads share it; an interpreter they must not share (see ask.py).

    Attributes:
        reads: the parts of its input that a point's decision can depend on; None: all.
    """

    revision: str
    compiled: regopy.Bundle = field(repr=False, compare=False)
    reads: Mapping[Point, frozenset[str] | None] = field(repr=False, compare=False)


def default_modules() -> dict[str, str]:
    """Hartley's own modules: file name to source."""
    return {name: text for name, text in _sources().items() if not name.endswith(TEST_SUFFIX)}


def default_tests() -> dict[str, str]:
    return {name: text for name, text in _sources().items() if name.endswith(TEST_SUFFIX)}


def entrypoint(point: Point) -> str:
    return f"hartley/{point}/decision"


def revision_of(modules: Mapping[str, str]) -> str:
    """Short and stable: the same names and sources have the same revision, in whatever order."""
    return hashlib.sha256(json.dumps(sorted(modules.items())).encode()).hexdigest()[:REVISION_CHARS]


def reads_of(modules: Mapping[str, str]) -> dict[Point, frozenset[str] | None]:
    """By what the sources say: all modules but those of other points, unless somebody imports them."""
    return {point: _parts(_others_left_out(modules, point)) for point in POINTS}


def _others_left_out(modules: Mapping[str, str], point: Point) -> list[str]:
    kept = list(modules.values())
    for other in POINTS:
        own = re.compile(rf"^package hartley\.{other}\s*$", re.MULTILINE)
        said = re.compile(rf"\bhartley\W+{other}\b")
        if other != point and not any(said.search(source) for source in modules.values() if not own.search(source)):
            kept = [source for source in kept if not own.search(source)]
    return kept


def _parts(sources: Sequence[str]) -> frozenset[str] | None:
    """None where one speaks of the input as a whole."""
    named = [found[1] for source in sources for found in INPUT.finditer(source)]
    return None if None in named else frozenset(named)


def build(modules: Mapping[str, str], entrypoints: Sequence[str]) -> regopy.Bundle:
    """
    The parser prints its own complaints on the process's output as well, and offers no switch for it.

    Raises:
        PolicyInvalid: a module doesn't parse or holds something unsafe; the message has the module and line.
    """
    _check_safe(modules)
    interpreter = regopy.Interpreter()
    try:
        for name, source in sorted(modules.items()):
            interpreter.add_module(name, source)
        compiled = interpreter.build(None, entrypoints)
    except regopy.RegoError as error:
        raise PolicyInvalid(_explained(str(error), modules)) from None
    if not compiled.ok():
        raise PolicyInvalid("the modules don't compile")
    return compiled


def _sources() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.rego"))}


def _check_safe(modules: Mapping[str, str]) -> None:
    for name, source in modules.items():
        for pattern, reason in UNSAFE.items():
            if found := pattern.search(source):
                raise PolicyInvalid(f"{name} line {_line(source, found.start())}: {reason}")


def _explained(text: str, modules: Mapping[str, str]) -> str:
    """The engine prints its syntax tree; kept of it are the first fault's module, line and message."""
    fault = FAULT.search(text)
    if not fault:
        return "the modules don't parse"
    name, at, message = fault[1], fault[2], fault[3]
    if name not in modules or not at:
        return message
    before = modules[name].encode()[: int(at)].decode(errors="replace")
    return f"{name} line {_line(before, len(before))}: {message}"


def _line(source: str, at: int) -> int:
    return source.count("\n", 0, at) + 1
