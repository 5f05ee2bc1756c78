"""The limits of one run. Units are in the names."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Limits:
    """
    Args:
        wall_s: from the start of the code. Compute stops then; a blocking call is killed up to `grace_s` later.
        fuel: WebAssembly operations, about; None: not metered, which is a quarter faster.
        memory_bytes: of the guest's memory; the interpreter itself needs about 40 MiB of it.
        output_bytes: standard output, standard error and the repr of the value together.
        artifact_bytes: all files that the code saves, together.
        emits: calls to the host; many tiny ones are as harmful as one large.
        files_bytes: all files given to the code, together.
        workspace_bytes, workspace_files: what a workspace may hold, before a run and after it.
        instances, tables, table_elements, memories: of WebAssembly; the image needs fewer than these.
    """

    wall_s: float = 30.0
    grace_s: float = 1.0
    fuel: int | None = None
    memory_bytes: int = 256 * MIB
    output_bytes: int = MIB
    artifact_bytes: int = 8 * MIB
    artifacts: int = 20
    emits: int = 20_000
    files_bytes: int = 32 * MIB
    workspace_bytes: int = 100 * MIB
    workspace_files: int = 10_000
    instances: int = 64
    tables: int = 64
    table_elements: int = 200_000
    memories: int = 8

    def answer_bytes(self) -> int:
        """
        The largest honest answer of a child: JSON makes up to six bytes of one, a file of the workspace has a name
        of up to 1 KiB, and 1 MiB is for the rest.
        """
        named = self.workspace_files * 6 * KIB
        return 6 * self.output_bytes + self.artifact_bytes + self.workspace_bytes + named + MIB


def size(count: int) -> str:
    """Bytes in words: "1 MiB"; units that would not come out whole are not used."""
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} bytes"
