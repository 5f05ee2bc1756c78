"""What can be wrong with a session's files."""

from __future__ import annotations

from webapp.common.errors import HartleyError


class PathInvalid(HartleyError):
    """A name that no file of a session can have; the message names the rule."""

    code = "workspace.path_invalid"
    status = 400

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(f"{path[:120]!r}: a path {rule}")


class IsFolder(HartleyError):
    """A file was asked for, and there is a folder."""

    code = "workspace.is_folder"
    status = 400

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} is a folder")


class PathTaken(HartleyError):
    """One path is a file and would have to be a folder too; nothing was saved."""

    code = "workspace.path_taken"
    status = 409

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} is a file, so no file can lie below it")


class FileChanged(HartleyError):
    """A change is based on a file that is another by now; nothing was saved."""

    code = "workspace.file_changed"
    status = 409

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} was changed by somebody else meanwhile")


class WorkspaceFull(HartleyError):
    """
    Over a limit of the session; nothing was saved.

    Attributes:
        unit: `bytes` or `files`.
    """

    code = "workspace.full"
    status = 413

    def __init__(self, *, unit: str, would: int, limit: int) -> None:
        self.unit, self.limit = unit, limit
        super().__init__(f"The session would have {would:,} {unit} in its workspace; the limit is {limit:,} {unit}")


class UndoFull(HartleyError):
    """More than a session may keep of what its files were, for open tasks that may have to take it back; nothing was saved."""

    code = "workspace.undo_full"
    status = 413

    def __init__(self, *, unit: str, would: int, limit: int) -> None:
        super().__init__(
            f"The session would keep {would:,} {unit} of what its files were before, to undo what its open tasks do; "
            f"the limit is {limit:,} {unit}"
        )


class NothingToUndo(HartleyError):
    """The step undoes none, or one that has changed no file."""

    code = "workspace.nothing_to_undo"
    status = 409


class Overtaken(HartleyError):
    """Another attempt has the step by now, or its task has ended; nothing was saved."""

    code = "workspace.overtaken"
    status = 409


class BytesLost(HartleyError):
    """The store has not what a row names, or something else: the platform's fault, told to its operators."""

    code = "workspace.bytes_lost"
    kind = "resource"

    def __init__(self, path: str) -> None:
        super().__init__(f"The content of {path!r} can't be read from the store")


class StoreUnavailable(HartleyError):
    """The store can't be reached, or has no room: the platform's fault, which may pass. Files are as they were."""

    code = "workspace.store_unavailable"
    status = 503
    retryable = True
    kind = "resource"

    def __init__(self) -> None:
        super().__init__("The store of the session's files does not answer")
