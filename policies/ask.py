"""Asks the policy. Whatever is not a well-formed answer is a denial.

One compiled bundle serves all threads, and each thread has its own interpreter: a shared one gave wrong answers
(4 of 2,000 with four threads). The input goes in as JSON text: the library's own conversion cuts text at a NUL,
decodes backslashes and wraps whole numbers at 64 bits, so that the policy would judge something else than what runs.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import regopy

from policies.bundle import Bundle, entrypoint
from policies.decision import DEFAULT_DENY, Decision, Effect, NotAnAnswer, Point, canonical, read_answer, sha256_of

INPUT_LIMIT_BYTES = 512 * 1024  # about 35 ms of reading
REMEMBERED = 4096  # answers to questions of at most so many characters: at most 16 MB
REMEMBERED_CHARS = 4096
_local = threading.local()


def decide(bundle: Bundle, point: Point, inputs: Sequence[Mapping[str, Any]]) -> list[Decision]:
    """One decision for each input, in order. Never raises for what an input or a policy holds."""
    return [_decide_one(bundle, point, asked) for asked in inputs]


def ask_path(compiled: regopy.Bundle, path: str, text: str) -> str:
    """
    What the engine prints when asked for an entry point with this JSON text as input.

    Raises:
        NotAnAnswer: the engine failed. Its interpreter is given up then, since it may hold an earlier input.
    """
    interpreter = _interpreter()
    try:
        interpreter.set_input_term(text)
        return str(interpreter.query_bundle_entrypoint(compiled, path))
    except ValueError:  # the library reads what it prints; an error text is not JSON
        del _local.interpreter
        raise NotAnAnswer("the policy ended in an error") from None
    except regopy.RegoError as error:
        del _local.interpreter
        raise NotAnAnswer(f"the policy engine failed: {str(error)[:200]}") from None


def _decide_one(bundle: Bundle, point: Point, asked: Mapping[str, Any]) -> Decision:
    try:
        text = canonical(asked)
    except (ValueError, TypeError, RecursionError) as error:
        return _denied(bundle, "", f"the input can't be written as JSON: {type(error).__name__}")
    sha256 = sha256_of(text)
    if len(text.encode()) > INPUT_LIMIT_BYTES:
        return _denied(bundle, sha256, f"the input is larger than {INPUT_LIMIT_BYTES} bytes")
    text = _read_by(bundle, point, asked, text)
    try:
        effect, rule, reasons = (_remembered if len(text) <= REMEMBERED_CHARS else _answer)(bundle, point, text)
    except NotAnAnswer as error:
        return _denied(bundle, sha256, str(error))
    return Decision(effect, rule, reasons, bundle.revision, sha256)


def _read_by(bundle: Bundle, point: Point, asked: Mapping[str, Any], text: str) -> str:
    """Only what the answer can depend on, so that what was answered for one task is remembered for the next."""
    parts = bundle.reads.get(point)
    return text if parts is None else canonical({name: value for name, value in asked.items() if name in parts})


def _answer(bundle: Bundle, point: Point, text: str) -> tuple[Effect, str, tuple[str, ...]]:
    return read_answer(ask_path(bundle.compiled, entrypoint(point), text))


# Hartley's own modules know neither time nor chance: the same revision answers the same question the same way. What is
# no answer raises and is not remembered.
_remembered = lru_cache(REMEMBERED)(_answer)


def _denied(bundle: Bundle, sha256: str, reason: str) -> Decision:
    return Decision("deny", DEFAULT_DENY, (reason,), bundle.revision, sha256)


def _interpreter() -> regopy.Interpreter:
    if not hasattr(_local, "interpreter"):
        _local.interpreter = regopy.Interpreter()
    found: regopy.Interpreter = _local.interpreter
    return found
