"""What a comparison promises, and says when it was broken."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from benchmarks.billing.play import Asked, Heard
from benchmarks.billing.served import Books
from benchmarks.billing.sums import Line, sums
from benchmarks.billing.table import Bill, lines
from benchmarks.billing.workload import Talk, Turn

TURN = Turn(0, "How many?", "12 days", "new")
TALK = Talk("s", "Acme", "ann", "Be", (TURN,))
RIGHT, WRONG = (Asked(TALK, TURN, Heard(text, "")) for text in ("It is 12 days.", "It is 13 days."))
CALL = Line(1, 1, Decimal(1), Decimal(1))
KEPT = Line(0, 0, Decimal(0), Decimal(0), cause="semantic")


def dear(prompt: int, completion: int) -> Decimal:
    return Decimal(prompt + completion) / 2


def bill(**changed) -> Bill:
    after = [CALL, KEPT]
    books = Books(after, settled_usd=Decimal(1), worst_case=0, told={"semantic": Decimal(1)})
    before = [CALL, CALL]
    given = Bill(
        "t", Decimal("0.5"), [RIGHT] * 2, before, [RIGHT] * 2, books, Decimal(1), sums(before, after, dear), 1.0
    )
    return replace(given, **changed)


def test_a_bill_that_keeps_all_promises_says_nothing_of_them():
    assert list(bill().broken()) == [] and not any("BROKEN" in line for line in lines(bill()))
    assert bill().saved == Decimal("0.5") and bill().residual_usd == 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"want": Decimal("0.6")}, "50.0% saved, 60% wanted"),
        ({"asked": [RIGHT, WRONG]}, "1 wrong answers came from a cache"),
        ({"server_usd": Decimal("1.01")}, "the ledger says 1.0000 USD, the model server 1.0100"),
        ({"sums": sums([], [], dear)}, "1.0000 USD have no cause"),
    ],
)
def test_each_broken_promise_is_named(changed, told):
    assert list(bill(**changed).broken()) == [told]


def test_a_models_own_mistake_is_no_caches_mistake_but_counts_as_not_right():
    found = bill(asked=[WRONG, RIGHT])
    assert found.kept_wrong == [] and any(line.startswith("Hartley") and "  1 " in line for line in lines(found))
