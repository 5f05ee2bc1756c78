"""What an image needs just to start: measured when it is built, since the limits of a run must lie above it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Needs:
    """
    The least limits under which an instance starts, each by itself.

    Args:
        memory_bytes: of the largest of its memories; code has what a run's limit leaves above it.
    """

    memory_bytes: int
    table_elements: int
    instances: int
    tables: int
    memories: int

    @classmethod
    def read(cls, path: Path) -> Needs:
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def with_margin(self) -> Needs:
        """Limits for a run: half as much again of what code cannot make more of; memory is for the run to say."""
        more = {name: value + -(-value // 2) for name, value in asdict(self).items()}
        return Needs(**{**more, "memory_bytes": self.memory_bytes})
