"""Names and kinds of a session's files, and what one level of its folders shows. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from webapp.common.media_types import UNKNOWN, by_name
from webapp.workspaces.errors import PathInvalid

PATH_BYTES = 1024  # in UTF-8; these are the sandbox's rules too, or a run could not be given what is here
NAME_BYTES = 255  # of each part
DEPTH = 17  # parts of a path
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
    if not path.isprintable():
        raise PathInvalid(path, "has printable characters only, and no spaces but the common one")
    cleaned = unicodedata.normalize("NFC", path)
    parts = cleaned.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise PathInvalid(path, "has no empty part, no '.' and no '..'")
    if any(part.startswith("-") for part in parts):
        raise PathInvalid(path, "has no part that begins with a hyphen")
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
