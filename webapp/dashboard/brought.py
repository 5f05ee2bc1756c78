"""What a new task brings along: the question and the files of a bundled example, or of an earlier task."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from webapp.agent_tasks.selectors import contents, find_task
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.uploads import media_type
from webapp.tenants.rules import Principal

EXAMPLES = settings.BASE_DIR / "examples"


@dataclass(frozen=True)
class File:
    """Where its bytes are: in the folder of an example, or among the tenant's contents by their hash."""

    name: str
    size_bytes: int
    path: Path | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Brought:
    query: str = ""
    mode: str = ""
    files: tuple[File, ...] = ()


def examples() -> list[str]:
    return sorted(request.parent.name for request in EXAMPLES.glob("*/request.json"))


def brought(who: Principal, *, example: str, earlier: str) -> Brought:
    """
    Raises:
        NotFound: the earlier task is not there, or not theirs to see.
    """
    if example in examples():
        return _of_example(EXAMPLES / example)
    return _of_task(who, earlier) if earlier else Brought()


def read_files(who: Principal, files: Collection[File]) -> list[JSON]:
    """As a submission's attachments."""
    with tenant_scope(who.tenant_id):  # one query, however many files
        kept = contents(who.tenant_id, [file.sha256 for file in files if file.sha256])
    read = []
    for file in files:
        if file.path:
            kind, data = media_type(file.name, ""), file.path.read_bytes()
        else:
            kind, data = kept[file.sha256].media_type, bytes(kept[file.sha256].data)
        read.append({"filename": file.name, "media_type": kind, "data": data})
    return read


def _of_example(folder: Path) -> Brought:
    body = json.loads((folder / "request.json").read_text())
    paths = [folder / attachment["path"] for attachment in body["context"]["attachments"]]
    return Brought(body["query"], files=tuple(File(path.name, path.stat().st_size, path=path) for path in paths))


def _of_task(who: Principal, name: str) -> Brought:
    with tenant_scope(who.tenant_id):
        task = find_task(who.tenant_id, who.watches, name)
    files = [File(file["filename"], file["size_bytes"], sha256=file["id"]) for file in task.attachments]
    return Brought(task.query, task.mode, tuple(files))
