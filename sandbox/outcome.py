"""A job, its outcome, and the way of both through a frame. The child is not trusted: its answer is checked here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from sandbox.errors import FilesRefused
from sandbox.frames import Frame, pack
from sandbox.limits import Limits, size

Status = Literal["ok", "error", "timeout", "memory", "output", "crash"]
FILE_NAME_BYTES = 255
ARTIFACT_NAME_CHARS = 200
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,50}/[a-z0-9.+-]{1,80}(; ?charset=[a-z0-9-]{1,20})?", re.IGNORECASE)


@dataclass(frozen=True)
class Job:
    """Python to run. `files` are readable at /data/<name>."""

    code: str
    stdin: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Outcome:
    """
    Args:
        value: repr of the last expression.
        error: a sentence that names the limit, or the code's own traceback.
        memory_bytes: what the run touched; None when it was killed.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    error: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    wall_s: float = 0.0
    memory_bytes: int | None = None


def clean(text: str) -> str:
    """Without what UTF-8 and databases refuse: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def check_files(files: Mapping[str, bytes], limits: Limits) -> None:
    """
    Raises:
        FilesRefused: a name that a file cannot have, or too many bytes.
    """
    for name in files:
        long = len(name.encode("utf-8", "surrogatepass")) > FILE_NAME_BYTES
        if name in ("", ".", "..") or "/" in name or clean(name) != name or long:
            raise FilesRefused(f"{name[:60]!r} is not a file name.")
    total = sum(map(len, files.values()))
    if total > limits.files_bytes:
        raise FilesRefused(f"The files have {total} bytes; the limit is {size(limits.files_bytes)}.")


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


def pack_job(job: Job, limits: Limits) -> list[bytes]:
    value = {"code": clean(job.code), "stdin": clean(job.stdin), "names": list(job.files), "limits": asdict(limits)}
    return pack(value, list(job.files.values()))


def read_outcome(frame: Frame) -> Outcome:
    """
    Raises:
        ValueError: not what an honest child answers.
    """
    match frame.value:
        case {
            "status": "ok" | "error" | "timeout" | "memory" | "output" | "crash" as status,
            "stdout": str() as stdout,
            "stderr": str() as stderr,
            "value": None | str() as value,
            "error": None | str() as error,
            "artifacts": list() as labels,
            "wall_s": float() as wall_s,
            "memory_bytes": None | int() as memory_bytes,
        }:
            made = tuple(_artifact(label, data) for label, data in zip(labels, frame.blobs, strict=True))
            value, error = value and clean(value), error and clean(error)
            return Outcome(status, clean(stdout), clean(stderr), value, error, made, wall_s, memory_bytes)
    raise ValueError("not an outcome")


def _artifact(label: object, data: bytes) -> Artifact:
    match label:
        case [str() as name, str() as media_type]:
            check_artifact(name, media_type)
            return Artifact(name, media_type, data)
    raise ValueError("not the label of a file")
