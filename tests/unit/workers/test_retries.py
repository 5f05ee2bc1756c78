"""When another attempt makes sense."""

import pytest

from workers.retries import LONGEST_S, retry_delay_s


@pytest.mark.parametrize(
    ("kind", "delays"),
    [
        ("network", [0.1, 0.2, None]),
        ("timeout", [0.5, None]),
        ("resource", [1.0, 2.0, 4.0, None]),
        ("tool", [0.5, 1.0, None]),
        ("", [None]),
    ],
)
def test_delays_grow_by_class_until_the_last_try(kind: str, delays: list[float | None]) -> None:
    assert [retry_delay_s(kind, retries=n, asked_s=None, jitter=0) for n in range(len(delays))] == delays


def test_what_the_other_side_asks_for_counts_up_to_a_minute() -> None:
    assert retry_delay_s("resource", retries=0, asked_s=7, jitter=0) == 7
    assert retry_delay_s("resource", retries=0, asked_s=10**6, jitter=0) == LONGEST_S


def test_jitter_adds_at_most_a_tenth() -> None:
    assert retry_delay_s("resource", retries=0, asked_s=None, jitter=1) == pytest.approx(1.1)
