"""Names and kinds of a session's files, and what one level of its folders shows. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from webapp.common.media_types import UNKNOWN, by_name
from webapp.workspaces.errors import PathInvalid

PATH_BYTES = 500  # in UTF-8
NAME_BYTES = 255  # of each part: more than that no file system takes
DEPTH = 16  # parts of a path
UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, halves of a pair, separators of lines
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # reading direction
PLAIN = ("application/json", "application/xml")
AS_TEXT = {".yaml": "text/yaml", ".yml": "text/yaml"}  # as clients of the session routes know it


@dataclass(frozen=True)
class Entry:
    """A file, or a folder of which `size_bytes` is 0. `path` begins at the top of the workspace."""

    name: str
    path: str
    is_dir: bool
    size_bytes: int


def clean_path(path: str) -> str:
    """
    The path in the one form in which it is stored (NFC).

    Raises:
        PathInvalid: names the rule that it breaks.
    """
    if not path or path.startswith("/"):
        raise PathInvalid(path, "is relative and not empty")
    if any(unicodedata.category(char) in UNSEEN or char in TURNING for char in path):
        raise PathInvalid(path, "has no control characters")
    cleaned = unicodedata.normalize("NFC", path)
    parts = cleaned.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise PathInvalid(path, "has no empty part, no '.' and no '..'")
    if len(parts) > DEPTH:
        raise PathInvalid(path, f"has at most {DEPTH} parts")
    if len(cleaned.encode()) > PATH_BYTES or any(len(part.encode()) > NAME_BYTES for part in parts):
        raise PathInvalid(path, f"has at most {PATH_BYTES} bytes, and each part of it at most {NAME_BYTES}")
    return cleaned


def folders_of(path: str) -> list[str]:
    """
    >>> folders_of("a/b/c.txt")
    ['a', 'a/b']
    """
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


def media_type(path: str) -> str:
    name = path.rpartition("/")[2]
    return AS_TEXT.get(name[name.rfind(".") :].lower()) or by_name(name) or UNKNOWN


def is_text(kind: str) -> bool:
    """Whether clients expect its content as it is, and not in base64."""
    return kind.startswith("text/") or kind in PLAIN


def one_level(files: Iterable[tuple[str, int]], folder: str) -> list[Entry]:
    """
    What lies directly in a folder, by name.

    Args:
        files: paths of the whole workspace with their sizes in bytes.
        folder: the empty text for the top.
    """
    begin = f"{folder}/" if folder else ""
    found: dict[str, Entry] = {}
    for path, size_bytes in files:
        if not path.startswith(begin):
            continue
        name, below, _ = path[len(begin) :].partition("/")
        found[name] = Entry(name, begin + name, bool(below), 0 if below else size_bytes)
    return sorted(found.values(), key=lambda entry: entry.name)
