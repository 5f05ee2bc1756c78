"""
A run's folders in the child's own place: files to read, a workspace, room for temporary files.

What the code leaves there may be made to hurt: trees a thousand deep, links, odd names. So: no recursion without a
bound, no link followed, only regular files read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from sandbox.limits import Limits, size
from sandbox.names import DEPTH, clean, is_path

DATA, WORKSPACE, TEMPORARY = "data", "workspace", "tmp"
LEFT_OUT = 20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
Known = dict[str, tuple[int, int, int]]  # inode, bytes and time of change: the code can set no time of change


@dataclass
class Changes:
    """
    Args:
        exceeded: what was too much; then nothing is kept.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    exceeded: str | None = None


class Folders:
    """Made below the working directory. Laid before each run, emptied after it."""

    def __init__(self) -> None:
        self._known: Known = {}
        for name in (DATA, WORKSPACE, TEMPORARY):
            os.mkdir(name, 0o700)

    def lay(self, files: Mapping[str, bytes], workspace: Mapping[str, bytes]) -> None:
        """Names have been checked by the keeper."""
        for name, data in files.items():
            _write(f"{DATA}/{name}", data)
        for path, data in workspace.items():
            os.makedirs(os.path.dirname(f"{WORKSPACE}/{path}"), 0o700, exist_ok=True)
            _write(f"{WORKSPACE}/{path}", data)
        self._known = {path: _mark(os.lstat(f"{WORKSPACE}/{path}")) for path in workspace}

    def changes(self, limits: Limits) -> Changes:
        """What the code wrote, changed and deleted in its workspace."""
        changes, seen, total = Changes(), set(), 0
        top = os.open(WORKSPACE, FOLDER)
        try:
            for path, parent, name, found in _walk(top):
                if not stat.S_ISREG(found.st_mode) or not is_path(path):
                    _leave_out(changes, path)
                    continue
                seen.add(path)
                total += found.st_size
                changes.exceeded = _too_much(len(seen), total, limits)
                if changes.exceeded:
                    return Changes(exceeded=changes.exceeded)
                if _mark(found) != self._known.get(path):
                    changes.files[path] = _read(name, parent, limits.workspace_bytes)
        finally:
            os.close(top)
        changes.deleted = [path for path in self._known if path not in seen]
        return changes

    def clear(self) -> None:
        self._known = {}
        for name in (DATA, WORKSPACE, TEMPORARY):
            _empty(name)


def _write(path: str, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)


def _mark(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_ctime_ns


def _walk(folder: int, path: str = "", depth: int = 0) -> Iterator[tuple[str, int, str, os.stat_result]]:
    """Path, the folder's number, the name in it and its state. A folder that is too deep is told as itself."""
    for name in sorted(os.listdir(folder)):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode) or depth == DEPTH:
            yield f"{path}{name}", folder, name, found
            continue
        inner = os.open(name, FOLDER, dir_fd=folder)
        try:
            yield from _walk(inner, f"{path}{name}/", depth + 1)
        finally:
            os.close(inner)


def _read(name: str, folder: int, most: int) -> bytes:
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        return file.read(most)


def _too_much(files: int, total: int, limits: Limits) -> str | None:
    if files > limits.workspace_files:
        return f"more than {limits.workspace_files} files"
    return f"files of more than {size(limits.workspace_bytes)} together" if total > limits.workspace_bytes else None


def _leave_out(changes: Changes, path: str) -> None:
    if len(changes.left_out) < LEFT_OUT:
        changes.left_out.append(clean(path)[:200])


def _empty(name: str) -> None:
    """Each folder found is moved up before it is emptied, so depth costs nothing."""
    top = os.open(name, FOLDER)
    numbers = count()
    try:
        while waiting := os.listdir(top):
            for found in waiting:
                _remove(found, top, numbers)
    finally:
        os.close(top)


def _remove(name: str, top: int, numbers: Iterator[int]) -> None:
    if not _is_folder(name, top):
        os.unlink(name, dir_fd=top)
        return
    folder = os.open(name, FOLDER, dir_fd=top)
    try:
        for inner in os.listdir(folder):
            if _is_folder(inner, folder):
                os.rename(inner, _unused(top, numbers), src_dir_fd=folder, dst_dir_fd=top)
            else:
                os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _is_folder(name: str, folder: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _unused(top: int, numbers: Iterator[int]) -> str:
    for number in numbers:
        try:
            os.stat(f".moved-{number}", dir_fd=top, follow_symlinks=False)
        except FileNotFoundError:
            return f".moved-{number}"
    raise AssertionError("the numbers have no end")
