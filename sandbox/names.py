"""Which names of files come in and get out. Pure; asked on both sides, since the child is not trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sandbox.errors import FilesRefused

FILE_NAME_BYTES = 255
ARTIFACT_NAME_CHARS = 200
PATH_BYTES = 1024
DEPTH = 16  # folders above a file
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,50}/[a-z0-9.+-]{1,80}(; ?charset=[a-z0-9-]{1,20})?", re.IGNORECASE)


def clean(text: str) -> str:
    """Without what UTF-8 and databases refuse: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def is_file_name(name: str) -> bool:
    long = len(name.encode("utf-8", "surrogatepass")) > FILE_NAME_BYTES
    return name not in ("", ".", "..") and "/" not in name and clean(name) == name and not long


def is_path(path: str) -> bool:
    """Of a file in a workspace: "report.csv" or "charts/2026/q1.svg". Printable, and nothing a shell would misread."""
    parts = path.split("/")
    tame = all(is_file_name(part) and part.isprintable() and not part.startswith("-") for part in parts)
    return tame and len(parts) <= DEPTH + 1 and len(path.encode()) <= PATH_BYTES


def clash(paths: Mapping[str, object]) -> str | None:
    """A path that would have to be a file and a folder, if there is one."""
    folders = (path[:place] for path in paths for place, letter in enumerate(path) if letter == "/")
    return next((folder for folder in folders if folder in paths), None)


def check_file_name(name: str) -> None:
    """
    Raises:
        FilesRefused
    """
    if not is_file_name(name):
        raise FilesRefused(f"{name[:60]!r} is not a file name.")


def check_path(path: str) -> None:
    """
    Raises:
        FilesRefused
    """
    if not is_path(path):
        raise FilesRefused(f"{path[:60]!r} is not the path of a file in a workspace.")


def check_artifact(name: str, media_type: str) -> None:
    """
    Raises:
        ValueError: with a sentence for the author of the code. Names are shown to people and stored as files.
    """
    odd = not name.isprintable() or "/" in name or "\\" in name or name.startswith((".", "-"))
    if odd or not 0 < len(name) <= ARTIFACT_NAME_CHARS:
        raise ValueError(
            f"{name[:60]!r} cannot be a file's name: it must have 1 to {ARTIFACT_NAME_CHARS} printable "
            "characters, none of them a slash, and not begin with a dot or a hyphen"
        )
    if not MEDIA_TYPE.fullmatch(media_type):
        raise ValueError(f"{media_type[:60]!r} is not a media type such as image/svg+xml")
