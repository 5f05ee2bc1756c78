"""When an agent has to answer with what it has: each limit by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from workers.context import Past
from workers.loop_limits import Limits, Round, calls_made, limits_of, rounds_of, stop_at

WIDE = Limits(turns=100, calls=100, calls_of_turn=8, chars=10_000, failed_turns=3, prompt_chars=10_000)
GOOD, BAD = {"ok": True, "value": 1}, {"ok": False, "error": {"code": "tool.failed", "message": "no"}}


def turn(*own: dict[str, Any]) -> Past:
    answered = [{"call_id": f"c{n}", "shown": shown} for n, shown in enumerate(own)]
    return Past(1, "llm.turn", "a", "d", "done", {}, {"tool_calls": [{"id": "c"}], "answered": answered}, None)


def call(shown: dict[str, Any] | None) -> Past:
    output, error = (None, {"code": "internal"}) if shown is None else ({"shown": shown}, None)
    return Past(2, "tools.call", "a", "t", "failed" if shown is None else "done", {"call_id": "c"}, output, error)


def stopped(history: list[Past], limits: Limits, prompt_chars: int = 0) -> str | None:
    stop = stop_at(limits, rounds_of(history), prompt_chars=prompt_chars)
    return stop.limit if stop else None


def test_within_its_limits_an_agent_goes_on() -> None:
    assert stopped([], WIDE) is None
    assert stopped([turn(), call(GOOD), call(BAD), turn(), call(GOOD)], WIDE) is None


def test_turns_are_counted_that_called() -> None:
    answer = replace(turn(), output={"text": "so"})
    assert stopped([turn(), call(GOOD), answer], replace(WIDE, turns=2)) is None
    assert stopped([turn(), call(GOOD), turn(GOOD)], replace(WIDE, turns=2)) == "turns"


def test_calls_are_counted_that_were_made_and_not_those_that_a_turn_answers() -> None:
    history = [turn(GOOD, BAD), call(GOOD), call(None)]
    assert calls_made(rounds_of(history)) == 2
    assert stopped(history, replace(WIDE, calls=3)) is None
    assert stopped(history, replace(WIDE, calls=2)) == "calls"


def test_what_tools_bring_is_counted_in_characters() -> None:
    long = {"ok": True, "text": "x" * 500}
    assert stopped([turn(), call(long)], replace(WIDE, chars=600)) is None
    assert stopped([turn(), call(long), turn(), call(long)], replace(WIDE, chars=600)) == "output"


@pytest.mark.parametrize(
    ("rounds", "met"),
    [
        ([[BAD], [BAD]], True),
        ([[BAD, BAD, None], [None]], True),
        ([[BAD, BAD, BAD]], False),  # side by side: none could learn from the others
        ([[BAD], [BAD, GOOD]], False),
        ([[BAD], [GOOD], [BAD]], False),
        ([[GOOD], [BAD], [BAD]], True),
    ],
)
def test_failures_are_counted_by_turns_in_which_nothing_went_well(rounds: list[list[Any]], met: bool) -> None:
    history = [past for shown in rounds for past in (turn(), *map(call, shown))]
    assert (stopped(history, replace(WIDE, failed_turns=2)) == "failures") is met


def test_a_turn_whose_calls_were_all_refused_has_failed() -> None:
    assert stopped([turn(BAD), turn(BAD, BAD)], replace(WIDE, failed_turns=2)) == "failures"
    assert stopped([turn(BAD), turn(BAD, GOOD)], replace(WIDE, failed_turns=2)) is None


def test_a_prompt_may_be_so_long() -> None:
    assert stopped([], WIDE, prompt_chars=10_000) is None
    assert stopped([], WIDE, prompt_chars=10_001) == "prompt"


def test_the_reason_is_told_in_words_and_figures() -> None:
    stop = stop_at(replace(WIDE, turns=1), [Round(1, 10, 1)], prompt_chars=0)
    assert stop and stop.why == "tools were called in 1 turn, as many as may"


def test_research_has_limits_of_its_own_and_a_task_says_how_many_turns() -> None:
    research = replace(WIDE, turns=20)
    usual = replace(WIDE, turns=3)
    assert limits_of({}, usual, research) == usual
    assert limits_of({"research_strategy": "deep"}, usual, research) == research
    assert limits_of({"max_iterations": 50}, usual, research).turns == 50
    assert limits_of({"research_strategy": "deep", "max_iterations": 1}, usual, research).turns == 1
    assert limits_of({"max_iterations": "9"}, usual, research).turns == 3, "what nobody has checked counts for nothing"
