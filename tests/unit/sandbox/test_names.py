"""Names of files that the code makes."""

from __future__ import annotations

import pytest

from sandbox.names import check_artifact


@pytest.mark.parametrize("name", ["", ".", ".hidden", "-rf", "a/b", "a\\b", "a\nb", "a\u202eb", "x" * 201, "a\0"])
def test_a_made_file_needs_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a file's name"):
        check_artifact(name, "text/plain")


@pytest.mark.parametrize("media_type", ["", "text", "text/", "text/html\r\nX: y", "text/plain; charset=utf-8; x=1"])
def test_a_made_file_needs_a_media_type(media_type: str) -> None:
    with pytest.raises(ValueError, match="not a media type"):
        check_artifact("a", media_type)


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/csv; charset=utf-8", "application/vnd.ms-excel"])
def test_usual_media_types_are_taken(media_type: str) -> None:
    check_artifact("Übersicht 2024.csv", media_type)
