"""Complexity and the mode that follows."""

import pytest

from webapp.orchestration.complexity import mode_of, score


def test_a_question_about_the_weather_is_simple() -> None:
    assert score("What is the weather in Paris?", attachments=0) == pytest.approx(0.2, abs=0.1)
    assert mode_of(score("What is the weather in Paris?", attachments=0)) == "simple"


def test_more_parts_verbs_and_files_make_it_harder() -> None:
    plain = score("Compare sales by region", attachments=0)
    assert plain < score("Compare sales by region", attachments=1)
    assert score("word " * 500 + "analyse, compare, explain why and forecast the trend?" * 3, attachments=2) <= 1.0


@pytest.mark.parametrize(("value", "mode"), [(0.29, "simple"), (0.3, "standard"), (0.69, "standard"), (0.7, "complex")])
def test_the_bounds_of_the_modes(value: float, mode: str) -> None:
    assert mode_of(value) == mode
