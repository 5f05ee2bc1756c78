"""How a run ended, as a frame brings it. The child is not trusted: its answer is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from sandbox.frames import Frame
from sandbox.names import check_artifact, clean, is_path

Status = Literal["ok", "error", "timeout", "fuel", "memory", "output", "files", "crash"]
STATUSES = get_args(Status)


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
        files: what the code wrote or changed in its workspace, by path; only when it ended by itself.
        deleted: paths that were given and are gone.
        left_out: files with a name that can't be kept, links and devices; 20 of them at most.
        memory_bytes: what the run touched; None when it was killed.
        fuel: what it used, where it was metered.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    error: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    wall_s: float = 0.0
    memory_bytes: int | None = None
    fuel: int | None = None


def read_outcome(frame: Frame, given: Mapping[str, bytes]) -> Outcome:
    """
    Args:
        given: the workspace that the job had.
    Raises:
        ValueError: not what an honest child answers.
    """
    match frame.value:
        case {
            "status": str() as status,
            "stdout": str() as stdout,
            "stderr": str() as stderr,
            "value": None | str() as value,
            "error": None | str() as error,
            "artifacts": list() as labels,
            "files": list() as paths,
            "deleted": list() as deleted,
            "left_out": list() as left_out,
            "wall_s": float() as wall_s,
            "memory_bytes": None | int() as memory_bytes,
            "fuel": None | int() as fuel,
        } if status in STATUSES:
            made, kept = frame.blobs[: len(labels)], frame.blobs[len(labels) :]
            return Outcome(
                status=cast(Status, status),
                stdout=clean(stdout),
                stderr=clean(stderr),
                value=value and clean(value),
                error=error and clean(error),
                artifacts=tuple(_artifact(label, data) for label, data in zip(labels, made, strict=True)),
                files={_path(path): data for path, data in zip(paths, kept, strict=True)},
                deleted=tuple(path for path in given if path in deleted),
                left_out=tuple(clean(str(name))[:200] for name in left_out[:20]),
                wall_s=wall_s,
                memory_bytes=memory_bytes,
                fuel=fuel,
            )
    raise ValueError("not an outcome")


def read_news(frame: Frame) -> list[tuple[str, str]]:
    """
    What was printed while the code ran: kind and text.

    Raises:
        ValueError: not what an honest child tells.
    """
    match frame.value:
        case {"news": list() as news, **more} if not more and news:
            return [_piece(piece) for piece in news]
    raise ValueError("not news")


def _piece(piece: object) -> tuple[str, str]:
    match piece:
        case ["stdout" | "stderr" as kind, str() as text] if text:
            return kind, clean(text)
    raise ValueError("not a piece of output")


def _artifact(label: object, data: bytes) -> Artifact:
    match label:
        case [str() as name, str() as media_type]:
            check_artifact(name, media_type)
            return Artifact(name, media_type, data)
    raise ValueError("not the label of a file")


def _path(path: Any) -> str:
    if isinstance(path, str) and is_path(path):
        return path
    raise ValueError("not a path")
