"""What is asked of the sandbox, and its way through a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.errors import FilesRefused
from sandbox.frames import Frame, pack
from sandbox.limits import Limits, size
from sandbox.names import check_file_name, check_path, clean


@dataclass(frozen=True)
class Job:
    """
    Python to run.

    Args:
        files: readable at /data/<name>.
        workspace: copied to /workspace/<path>, the working directory; what the code changes there comes back.
        environment: all that `os.environ` will hold.
        clock: the time that it always is, in seconds since 1970; None: the real one.
        seed: of everything random; None: really random.
    """

    code: str
    stdin: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    workspace: Mapping[str, bytes] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    clock: float | None = None
    seed: int | None = None


def check_job(job: Job, limits: Limits) -> None:
    """
    Raises:
        FilesRefused: a name that a file cannot have, too many files, or too many bytes.
    """
    for name in job.files:
        check_file_name(name)
    for path in job.workspace:
        check_path(path)
    _check_folders(job.workspace)
    if len(job.workspace) > limits.workspace_files:
        raise FilesRefused(f"The workspace has {len(job.workspace)} files; the limit is {limits.workspace_files}.")
    _check_size("files", job.files, limits.files_bytes)
    _check_size("workspace's files", job.workspace, limits.workspace_bytes)


def _check_folders(workspace: Mapping[str, bytes]) -> None:
    for path in workspace:
        for end in (place for place, letter in enumerate(path) if letter == "/"):
            if path[:end] in workspace:
                raise FilesRefused(f"{path[:end]!r} cannot be a file and a folder.")


def _check_size(what: str, files: Mapping[str, bytes], limit_bytes: int) -> None:
    total = sum(map(len, files.values()))
    if total > limit_bytes:
        raise FilesRefused(f"The {what} have {total} bytes; the limit is {size(limit_bytes)}.")


def pack_job(job: Job, limits: Limits, *, listening: bool) -> list[bytes]:
    """
    Args:
        listening: somebody wants to hear the output while the code runs.
    """
    guest = {"code": clean(job.code), "stdin": clean(job.stdin), "environment": dict(job.environment)}
    value = {
        "guest": guest,
        "files": list(job.files),
        "workspace": list(job.workspace),
        "fixed": None if job.clock is None and job.seed is None else [job.clock, job.seed],
        "listening": listening,
        "limits": asdict(limits),
    }
    return pack(value, [*job.files.values(), *job.workspace.values()])


@dataclass(frozen=True)
class Asked:
    """A job as the child reads it."""

    guest: dict[str, Any]
    files: dict[str, bytes]
    workspace: dict[str, bytes]
    fixed: tuple[float | None, int | None] | None
    listening: bool
    limits: Limits


def read_job(frame: Frame) -> Asked:
    value = frame.value
    split = len(value["files"])
    return Asked(
        guest=value["guest"],
        files=dict(zip(value["files"], frame.blobs[:split], strict=True)),
        workspace=dict(zip(value["workspace"], frame.blobs[split:], strict=True)),
        fixed=value["fixed"] and tuple(value["fixed"]),
        listening=value["listening"],
        limits=Limits(**value["limits"]),
    )
