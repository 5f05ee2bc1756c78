"""Vectors that are paid for are known for a while, to their tenant."""

from __future__ import annotations

from uuid import uuid4

from workers.answer_cache.vectors import KnownVectors

ACME, GLOBEX = uuid4(), uuid4()


def test_they_are_known_to_their_tenant_and_model_for_an_hour() -> None:
    now = [0.0]
    known = KnownVectors(now=lambda: now[0])
    known.put(ACME, "m", "What?", [1.0, 2.0])
    assert list(known.get(ACME, "m", "What?") or ()) == [1.0, 2.0]
    assert known.get(GLOBEX, "m", "What?") is known.get(ACME, "n", "What?") is known.get(ACME, "m", "Who?") is None
    now[0] = 3601
    assert known.get(ACME, "m", "What?") is None


def test_the_least_recently_used_goes_first() -> None:
    known = KnownVectors(most=2)
    known.put(ACME, "m", "a", [1.0])
    known.put(ACME, "m", "b", [2.0])
    known.get(ACME, "m", "a")
    known.put(ACME, "m", "c", [3.0])
    assert known.get(ACME, "m", "b") is None and known.get(ACME, "m", "a") and known.get(ACME, "m", "c")
