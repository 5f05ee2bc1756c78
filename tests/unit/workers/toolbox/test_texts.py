from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.toolbox.texts import bounded


@given(text=st.text(max_size=200))
def test_short_text_stays_as_it_is_but_for_nul(text: str) -> None:
    assert bounded(text, 200) == text.replace("\0", "\ufffd")


def test_long_text_keeps_its_beginning_and_end_and_says_what_is_missing() -> None:
    cut = bounded("a" * 300 + "b" * 100, 100)
    assert cut.startswith("a" * 75 + "\n") and cut.endswith("\n" + "b" * 25)
    assert "[cut: 300 of 400 characters left out]" in cut


def test_halves_of_surrogate_pairs_become_the_replacement_character() -> None:
    assert bounded("a\ud800b", 10).encode() and "\ud800" not in bounded("a\ud800b", 10)
