"""What is asked of the sandbox, and its way through a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.errors import FilesRefused, JobRefused
from sandbox.frames import Frame, pack
from sandbox.limits import Limits, size
from sandbox.names import check_file_name, check_path, clash, clean

LATEST_S = 253_402_300_799  # the last second of the year 9999, after which calendars give up


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


@dataclass(frozen=True)
class ModuleJob(Job):
    """
    A module to run. Its time and randomness can't be fixed.

    Args:
        native: its code, made by `Modules`: what is given here is run as it is.
        arguments: the first is the module's name, as with every program.
    """

    code: str = ""
    native: bytes = b""
    arguments: tuple[str, ...] = ()


def check_job(job: Job, limits: Limits) -> None:
    """
    Raises:
        FilesRefused: a name that a file cannot have, too many files, or too many bytes. JobRefused.
    """
    _check_surroundings(job)
    for name in job.files:
        check_file_name(name)
    for path in job.workspace:
        check_path(path)
    if both := clash(job.workspace):
        raise FilesRefused(f"{both!r} cannot be a file and a folder.")
    if len(job.workspace) > limits.workspace_files:
        raise FilesRefused(f"The workspace has {len(job.workspace)} files; the limit is {limits.workspace_files}.")
    _check_size("files", job.files, limits.files_bytes)
    _check_size("workspace's files", job.workspace, limits.workspace_bytes)


def _check_surroundings(job: Job) -> None:
    for name, value in job.environment.items():
        if not name or "=" in name or clean(name + value) != name + value:
            raise JobRefused(f"{name[:60]!r} cannot be a variable of the environment, or not with this value.")
    if job.clock is not None and not 0 <= job.clock <= LATEST_S:
        raise JobRefused(f"The clock cannot stand at {job.clock} s.")


def _check_size(what: str, files: Mapping[str, bytes], limit_bytes: int) -> None:
    total = sum(map(len, files.values()))
    if total > limit_bytes:
        raise FilesRefused(f"The {what} have {total} bytes; the limit is {size(limit_bytes)}.")


def pack_job(job: Job, limits: Limits, *, listening: bool) -> list[bytes]:
    """
    Args:
        listening: somebody wants to hear the output while the code runs.
    """
    guest: dict[str, Any] = {"stdin": clean(job.stdin), "environment": dict(job.environment)}
    if isinstance(job, ModuleJob):
        guest["arguments"], native = list(job.arguments), [job.native]
    else:
        guest["code"], native = clean(job.code), []
    value = {
        "guest": guest,
        "files": list(job.files),
        "workspace": list(job.workspace),
        "fixed": None if job.clock is None and job.seed is None else [job.clock, job.seed],
        "listening": listening,
        "module": bool(native),
        "limits": asdict(limits),
    }
    return pack(value, [*native, *job.files.values(), *job.workspace.values()])


@dataclass(frozen=True)
class Asked:
    """
    A job as the child reads it.

    Args:
        native: a module's code; None: it is Python.
    """

    guest: dict[str, Any]
    files: dict[str, bytes]
    workspace: dict[str, bytes]
    fixed: tuple[float | None, int | None] | None
    listening: bool
    limits: Limits
    native: bytes | None = None


def read_job(frame: Frame) -> Asked:
    value = frame.value
    native, blobs = (frame.blobs[0], frame.blobs[1:]) if value["module"] else (None, frame.blobs)
    split = len(value["files"])
    return Asked(
        guest=value["guest"],
        files=dict(zip(value["files"], blobs[:split], strict=True)),
        workspace=dict(zip(value["workspace"], blobs[split:], strict=True)),
        fixed=value["fixed"] and tuple(value["fixed"]),
        listening=value["listening"],
        limits=Limits(**value["limits"]),
        native=native,
    )
