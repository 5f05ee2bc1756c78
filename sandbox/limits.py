"""The limits of one run. Units are in the names."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """
    Args:
        wall_s: from the start of the code; a blocking host call is killed `grace_s` later.
        memory_bytes: of the guest's linear memory; the interpreter itself needs about 40 MiB.
        output_bytes: standard output and error together.
        artifact_bytes: all files that the code saves, together.
        emits: calls to the host; many tiny ones are as harmful as one large.
    """

    wall_s: float = 30.0
    grace_s: float = 1.0
    memory_bytes: int = 512 * MIB
    output_bytes: int = MIB
    artifact_bytes: int = 8 * MIB
    artifacts: int = 20
    emits: int = 20_000
    files_bytes: int = 32 * MIB
    instances: int = 64
    tables: int = 64
    table_elements: int = 200_000
    memories: int = 8
