"""How a run ended, as a frame brings it. The child is not trusted: its answer is checked here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from sandbox.frames import Frame
from sandbox.limits import Limits
from sandbox.names import check_artifact, clash, clean, is_path

Status = Literal["ok", "error", "timeout", "fuel", "memory", "output", "files", "crash"]
STATUSES = get_args(Status)
ERROR_CHARS = 64 * 1024


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


def read_outcome(frame: Frame, given: Mapping[str, bytes], limits: Limits) -> Outcome:
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
            gone = set(_texts(deleted))
            made, kept = frame.blobs[: len(labels)], frame.blobs[len(labels) :]
            outcome = Outcome(
                status=cast(Status, status),
                stdout=clean(stdout),
                stderr=clean(stderr),
                value=value and clean(value),
                error=error and clean(error),
                artifacts=tuple(_artifact(label, data) for label, data in zip(labels, made, strict=True)),
                files={_path(path): data for path, data in zip(paths, kept, strict=True)},
                deleted=tuple(path for path in given if path in gone),
                left_out=tuple(clean(name)[:200] for name in _texts(left_out)[:20]),
                wall_s=wall_s,
                memory_bytes=memory_bytes,
                fuel=fuel,
            )
            _check(outcome, given, limits)
            return outcome
    raise ValueError("not an outcome")


def _check(outcome: Outcome, given: Mapping[str, bytes], limits: Limits) -> None:
    """An honest child has kept to the limits already. Letters, not bytes: a byte that is no text became a sign of three."""
    gone = set(outcome.deleted)
    workspace = {path: data for path, data in given.items() if path not in gone} | dict(outcome.files)
    within = (
        len(outcome.stdout) + len(outcome.stderr) + len(outcome.value or "") <= limits.output_bytes,
        len(outcome.error or "") <= ERROR_CHARS,
        len(outcome.artifacts) <= limits.artifacts,
        sum(len(made.data) for made in outcome.artifacts) <= limits.artifact_bytes,
        not outcome.files or len(workspace) <= limits.workspace_files,
        not outcome.files or sum(map(len, workspace.values())) <= limits.workspace_bytes,
        clash(workspace) is None,
        0 <= outcome.wall_s < math.inf,
        (outcome.memory_bytes or 0) >= 0,
        (outcome.fuel or 0) >= 0 and (limits.fuel is None or (outcome.fuel or 0) <= limits.fuel),
    )
    if not all(within):
        raise ValueError("beyond the limits")


def _texts(found: list[Any]) -> list[str]:
    if all(isinstance(text, str) for text in found):
        return found
    raise ValueError("not texts")


def read_confined(frame: Frame) -> dict[str, int]:
    """
    What a process that is ready has of its own, see `confine.Confined`.

    Raises:
        ValueError: not what an honest child tells.
    """
    match frame.value:
        case {"ready": dict() as told} if all(isinstance(value, int) for value in told.values()):
            return {str(name): value for name, value in told.items()}
    raise ValueError("not ready")


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
