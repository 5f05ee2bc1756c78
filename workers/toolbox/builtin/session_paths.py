"""
Which file a model means: the session's by path, as `report.csv` or `/workspace/report.csv`, and those attached to the task,
which are to be read only, as `/data/<name>`. No path leads anywhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from sandbox.limits import MIB, size
from webapp.workspaces.errors import PathInvalid
from webapp.workspaces.rules import clean_path, folders_of
from workers.toolbox.refused import Refused
from workers.toolbox.tool import ToolContext

ATTACHED, TOP = "/data", "/workspace"
FILE_BYTES = 10 * MIB
ALIKE_NAMES, ALIKE_CHARS = 200, 100  # looked at for a name that is alike, which takes the square of their length
PATH = {
    "type": "string",
    "minLength": 1,
    "maxLength": 1100,
    "description": "Of a file of the session, such as notes/plan.md; attached files are /data/<name>, to be read only.",
}
OWN_PATH = PATH | {"description": "Of a file of the session, such as notes/plan.md."}
FOLDER = {
    "type": "string",
    "maxLength": 1100,
    "default": ".",
    "description": "A folder of the session's files; . is all of them, /data the attached files.",
}


def read(context: ToolContext, path: str, field: str = "path", limit_bytes: int = FILE_BYTES) -> bytes:
    """
    Args:
        field: the argument that `path` comes from, for the message.
    Raises:
        Refused: there is no such file, it is a folder, or larger than `limit_bytes`.
    """
    files, wanted = _place(context, path, field)
    data = files.get(wanted)
    if data is None:
        raise _absent(files, wanted, path, field)
    if len(data) > limit_bytes:
        raise Refused("file.too_large", f"{field}: {path!r} has {len(data):,} bytes; the limit is {size(limit_bytes)}")
    return data


def own(context: ToolContext, path: str, field: str = "path") -> str:
    """
    The path, in the form in which it is kept, of a file that there may be or may come.

    Raises:
        Refused: it can't be one of the session's files.
    """
    if _is_below(path, ATTACHED):
        raise Refused("file.read_only", f"{field}: {path!r} is attached to the task: attached files can't be changed")
    return _cleaned(path, field)


def free_for_a_file(context: ToolContext, path: str, field: str = "path") -> str:
    """
    As `own`, and a file could be there.

    Raises:
        Refused: there is a folder, or a part of the path is a file.
    """
    wanted = own(context, path, field)
    if _is_folder(context.workspace, wanted):
        raise Refused("workspace.is_folder", f"{field}: {path!r} is a folder")
    above = next((folder for folder in folders_of(wanted) if folder in context.workspace), None)
    if above:
        raise Refused("workspace.path_taken", f"{field}: {above!r} is a file, so no file can lie below it")
    return wanted


def below(context: ToolContext, path: str, field: str = "path") -> tuple[str, Mapping[str, bytes]]:
    """
    What stands before the paths of a folder's files when a model is shown them, and the files by what follows it.

    Raises:
        Refused: there is no such folder.
    """
    if path in (ATTACHED, f"{ATTACHED}/"):
        return f"{ATTACHED}/", context.files
    if path in ("", ".", "./", "/", TOP, f"{TOP}/"):
        return "", context.workspace
    wanted = own(context, path.rstrip("/"), field)
    if wanted in context.workspace:
        raise Refused("file.not_a_folder", f"{field}: {path!r} is a file")
    begin = f"{wanted}/"
    found = {name[len(begin) :]: data for name, data in context.workspace.items() if name.startswith(begin)}
    if not found:
        raise Refused("file.not_found", f"{field}: there is no folder {path!r}")
    return begin, found


def as_text(data: bytes, path: str, encoding: str = "utf-8", field: str = "path") -> str:
    """
    Raises:
        Refused: it is something else.
    """
    try:
        return data.decode(encoding)
    except UnicodeError:
        raise Refused(
            "file.not_text", f"{field}: {path!r} is not text in {encoding}; python_executor can read any file"
        ) from None


def within_limit(size_bytes: int, field: str) -> None:
    """
    Raises:
        Refused: a file would become larger than these tools make one.
    """
    if size_bytes > FILE_BYTES:
        raise Refused(
            "file.too_large", f"{field}: the file would have {size_bytes:,} bytes; the limit is {size(FILE_BYTES)}"
        )


def fingerprint(workspace: Mapping[str, bytes], *paths: str) -> dict[str, str | None]:
    """What a change is based on: the SHA-256 of each, None for what is not there."""
    return {path: _sha256(workspace.get(path)) for path in paths}


def _sha256(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()


def _place(context: ToolContext, path: str, field: str) -> tuple[Mapping[str, bytes], str]:
    if _is_below(path, ATTACHED):
        return context.files, path[len(ATTACHED) + 1 :]
    return context.workspace, _cleaned(path, field)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _cleaned(path: str, field: str) -> str:
    """Also `./a` and `/workspace/a`, which are what code in the sandbox would write."""
    short = path.removeprefix(f"{TOP}/") if path.startswith(f"{TOP}/") else path.removeprefix("./")
    try:
        return clean_path(short)
    except PathInvalid as error:
        raise Refused(error.code, f"{field}: {error}") from None


def _is_folder(files: Mapping[str, Any], path: str) -> bool:
    begin = f"{path}/"
    return any(name.startswith(begin) for name in files)


def _absent(files: Mapping[str, bytes], wanted: str, path: str, field: str) -> Refused:
    if not wanted or _is_folder(files, wanted):
        return Refused("workspace.is_folder", f"{field}: {path!r} is a folder")
    short = [name for name in files if len(name) <= ALIKE_CHARS]
    alike = get_close_matches(wanted[:ALIKE_CHARS], short[:ALIKE_NAMES], n=3)
    hint = f"; there is {', '.join(map(repr, alike))}" if alike else "; file_list shows what there is"
    return Refused("file.not_found", f"{field}: there is no file {path!r}{hint}")
