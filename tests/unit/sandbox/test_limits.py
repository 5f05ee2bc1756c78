"""Limits say themselves in words, and leave room for every honest answer."""

from __future__ import annotations

import pytest

from sandbox.frames import pack
from sandbox.limits import KIB, MIB, Limits, size


@pytest.mark.parametrize(
    ("count", "words"),
    [(MIB, "1 MiB"), (512 * MIB, "512 MiB"), (100 * KIB, "100 KiB"), (MIB + 1, "1048577 bytes"), (12, "12 bytes")],
)
def test_a_size_is_said_in_the_largest_unit_that_is_exact(count: int, words: str) -> None:
    assert size(count) == words


def test_the_worst_output_fits_into_an_answer() -> None:
    limits = Limits(output_bytes=MIB, artifact_bytes=MIB)
    pieces = pack({"stdout": "\0" * limits.output_bytes, "error": "\U0001f600" * 8000}, [bytes(MIB)])
    assert sum(map(len, pieces)) <= limits.answer_bytes()
