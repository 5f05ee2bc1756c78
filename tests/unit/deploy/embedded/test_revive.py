"""What was given up on is started again, with longer and longer pauses."""

from __future__ import annotations

from typing import Any

from deploy.embedded.revive import FIRST_S, LONGEST_S, Reviver


def record(state: str, ran_s: float = 0) -> list[dict[str, Any]]:
    return [{"name": "web", "group": "app", "statename": state, "start": 0, "now": ran_s}]


def given_up(reviver: Reviver, now: float) -> float:
    """The pause until it is due; then the supervisor is at it again."""
    since = now
    while not reviver.due(record("FATAL"), now):
        now += 0.5
    assert not reviver.due(record("STARTING"), now)
    return now - since


def test_pauses_double_up_to_a_minute_and_never_end() -> None:
    reviver = Reviver()
    pauses = [given_up(reviver, 1000.0 * turn) for turn in range(7)]
    assert pauses == [FIRST_S, 10, 20, 40, LONGEST_S, LONGEST_S, LONGEST_S]


def test_one_that_has_run_well_starts_with_the_short_pause_again() -> None:
    reviver = Reviver()
    given_up(reviver, 0)
    given_up(reviver, 1000)
    reviver.due(record("RUNNING", ran_s=LONGEST_S + 1), 2000)
    assert given_up(reviver, 3000) == FIRST_S


def test_running_processes_are_left_alone() -> None:
    assert Reviver().due(record("RUNNING"), 0) == []
