"""The checker of the chaos bench can fail: each kind of breakage is named, with its ids."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from benchmarks.chaos.invariants import Broken, Envelope, Event, Evidence, Hold, Mark, Requests, Step, Task, broken

COST = Decimal("0.5")


def healthy() -> Evidence:
    """One task of two steps; the first ran twice, marked twice and was paid for twice."""
    said = [
        ("WORKFLOW_STARTED", None, None),
        ("STEP_STARTED", 1, 1),
        ("STEP_RETRYING", 1, 1),
        ("STEP_STARTED", 1, 2),
        ("STEP_COMPLETED", 1, 2),
        ("STEP_STARTED", 2, 1),
        ("STEP_COMPLETED", 2, 1),
        ("WORKFLOW_COMPLETED", None, None),
        ("STREAM_END", None, None),
    ]
    return Evidence(
        tasks=[Task("t", "completed", len(said), 2, 0, 30, 2 * COST)],
        steps=[Step("t", 1, "control.mark", "done", 2, []), Step("t", 2, "llm.turn", "done", 1, [1])],
        events=[Event("t", seq, *event) for seq, event in enumerate(said, 1)],
        holds=[
            Hold("t", 1, 1, "settled", 20, COST, True, "openai", ("e",)),
            Hold("t", 1, 2, "settled", 10, COST, False, "openai", ("e",)),
        ],
        envelopes=[Envelope("e", "tenant", 30, 0, 2 * COST, Decimal())],
        marks=[Mark("t", 1, 1), Mark("t", 1, 2)],
        requests={"t": Requests(2, 1)},
    )


def changed(rows: str, place: int, **values: Any) -> Evidence:
    """The healthy evidence but for one row."""
    evidence = healthy()
    found = getattr(evidence, rows)
    found[place] = found[place]._replace(**values)
    return evidence


def without(rows: str, place: int) -> Evidence:
    evidence = healthy()
    del getattr(evidence, rows)[place]
    return evidence


def with_more(rows: str, row: Any) -> Evidence:
    evidence = healthy()
    getattr(evidence, rows).append(row)
    return evidence


def test_a_healthy_run_has_nothing_broken() -> None:
    assert broken(healthy()) == []


@pytest.mark.parametrize(
    ("evidence", "sort", "where", "what"),
    [
        (changed("tasks", 0, state="running"), "stuck", "t", "is running"),
        (changed("tasks", 0, open=1), "stuck", "t", "counts 1 open steps"),
        (changed("steps", 1, state="ready"), "stuck", "t:2", "llm.turn is ready"),
        (changed("tasks", 0, state="failed", error="internal"), "failed", "t", "failed: internal"),
        (changed("steps", 0, state="failed", error="internal"), "failed", "t:1", "internal"),
        (without("events", 6), "lost", "t:2", "is done with 0 STEP_COMPLETED"),
        (with_more("events", Event("t", 10, "STEP_COMPLETED", 2, 1)), "twice", "t:2", "is done with 2 STEP_COMPLETED"),
        (changed("steps", 1, state="cancelled"), "twice", "t:2", "is cancelled with 1 STEP_COMPLETED"),
        (without("steps", 1), "lost", "t", "counts 2 steps and has 1"),
        (changed("events", 5, seq=4), "order", "t:2", "before 1 had ended"),
        (changed("steps", 0, fence=3), "events", "t:1", "has fence 3 and started as [1, 2]"),
        (changed("events", 3, attempt=1), "events", "t:1", "has fence 2 and started as [1, 1]"),
        (without("events", 2), "events", "t", "not 1..9"),
        (changed("tasks", 0, seq=10), "events", "t", "counts 10 events"),
        (with_more("events", Event("t", 8, "STREAM_END")), "events", "t", "has STREAM_END at [8, 9]"),
        (changed("events", 8, type="PROGRESS"), "events", "t", "has STREAM_END at []"),
        (changed("holds", 1, state="open"), "books", "t:1", "the hold of attempt 2 is open"),
        (changed("holds", 1, tokens=11), "books", "t", "counts 30 tokens"),
        (changed("envelopes", 0, tokens_held=5), "books", "tenant e", "still holds 5 tokens"),
        (changed("envelopes", 0, usd_held=COST), "books", "tenant e", "0.5 USD"),
        (changed("envelopes", 0, tokens_spent=29), "books", "tenant e", "spent 29 tokens"),
        (changed("envelopes", 0, usd_spent=COST), "books", "tenant e", "the ledger 30, 1.0"),
        (replace(healthy(), marks=[]), "lost", "t:1", "left no mark"),
        (with_more("marks", Mark("t", 1, 2)), "twice", "t:1", "attempts [1, 2, 2]"),
        (with_more("marks", Mark("t", 1, 3)), "twice", "t:1", "recorded are 2"),
        (with_more("marks", Mark("other", 1, 1)), "twice", "other:1", "recorded are 0"),
        (replace(healthy(), requests={"t": Requests(3, 1)}), "twice", "t", "sent 3 model requests and paid for 2"),
        (replace(healthy(), requests={"no tag": Requests(1, 1)}), "twice", "no tag", "paid for 0"),
        (replace(healthy(), requests={}), "lost", "t", "1 bills and 0 answered"),
    ],
)
def test_each_breakage_is_named(evidence: Evidence, sort: str, where: str, what: str) -> None:
    found = broken(evidence)
    assert any((b.sort, b.where) == (sort, where) and what in b.what for b in found), found


def test_broken_things_come_sorted() -> None:
    found = broken(replace(changed("tasks", 0, state="running"), marks=[]))
    assert [type(b) for b in found] == [Broken, Broken]
    assert [b.sort for b in found] == ["lost", "stuck"]
