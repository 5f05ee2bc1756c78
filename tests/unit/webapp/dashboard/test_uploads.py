"""The kind of a file, by its name."""

from __future__ import annotations

import pytest

from webapp.api.submission import MEDIA
from webapp.dashboard.uploads import media_type


@pytest.mark.parametrize(
    "name", ["a.csv", "a.TSV", "a.md", "a.json", "a.jsonl", "a.yaml", "a.log", "a.pdf", "a.png", "a.xlsx", "a.docx"]
)
def test_everyday_files_are_of_a_kind_that_is_accepted_whatever_the_browser_says(name: str) -> None:
    assert MEDIA.fullmatch(media_type(name, ""))
    assert media_type(name, "application/x-made-up") == media_type(name, "")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tar.bz2", "a.bin", "no-suffix"])
def test_what_is_packed_or_unknown_does_not_pass_for_text(name: str) -> None:
    assert not MEDIA.fullmatch(media_type(name, ""))


def test_the_browsers_word_counts_where_the_name_says_nothing() -> None:
    assert media_type("notes", "text/plain") == "text/plain"
