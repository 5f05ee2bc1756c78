"""What differs between two texts, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webapp.dashboard.wording import Piece, difference

TEXTS = st.lists(st.sampled_from(["be", "brief", " ", "\n", "{role}", "not"])).map("".join)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_it(before: str, after: str) -> None:
    pieces = difference(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after


def test_one_word_of_a_paragraph_is_told_alone() -> None:
    assert difference("Answer in one word.", "Answer in two word.") == [
        Piece("same", "Answer in "), Piece("gone", "one"), Piece("new", "two"), Piece("same", " word."),
    ]  # fmt: skip
