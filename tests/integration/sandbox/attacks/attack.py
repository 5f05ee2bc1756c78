"""A hostile program as data, and what is wrong when it ends otherwise than it should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from inspect import cleandoc
from typing import Any

from sandbox.keeper import Job, Outcome
from sandbox.limits import MIB, Limits

LIMITS = Limits(wall_s=20, grace_s=1, memory_bytes=192 * MIB, workspace_bytes=8 * MIB, workspace_files=200)
SHORT = {"wall_s": 0.1}
ESCAPED = "GOT OUT"


@dataclass(frozen=True)
class Attack:
    """
    Args:
        ends: the status; several with "|" between them where chance decides.
        says: stands in the output, the value or the error. ESCAPED, which a program prints when it succeeds, must not.
        limits: where they differ from LIMITS.
        keeps: the paths of the workspace that come back; None: any.
    """

    name: str
    code: str
    ends: str
    says: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    workspace: Mapping[str, bytes] = field(default_factory=dict)
    keeps: frozenset[str] | None = None

    def job(self) -> Job:
        return Job(cleandoc(self.code), files=self.files, workspace=self.workspace)

    def within(self) -> Limits:
        return replace(LIMITS, **self.limits)

    def faults(self, outcome: Outcome) -> list[str]:
        """Sentences; none when it ended as expected."""
        said = "\n".join((outcome.stdout, outcome.stderr, outcome.value or "", outcome.error or ""))
        found = []
        if outcome.status not in self.ends.split("|"):
            found.append(f"ended as {outcome.status}, not as {self.ends}: {said[-1000:]}")
        if self.says not in said:
            found.append(f"does not say {self.says!r}: {said[-1000:]}")
        if ESCAPED in said:
            found.append(f"succeeded: {said[-1000:]}")
        if self.keeps is not None and self.keeps != frozenset(outcome.files):
            found.append(f"left {sorted(outcome.files)[:20]}")
        return found + _over(self.within(), outcome)


def _over(limits: Limits, outcome: Outcome) -> list[str]:
    """What no outcome may be, however it came about."""
    checks = {
        "took too long": outcome.wall_s > limits.wall_s + limits.grace_s,
        "says too much": sum(map(len, (outcome.stdout, outcome.stderr, outcome.value or ""))) > limits.output_bytes,
        "saved too many files": len(outcome.artifacts) > limits.artifacts,
        "saved too much": sum(len(made.data) for made in outcome.artifacts) > limits.artifact_bytes,
        "kept too many files": len(outcome.files) > limits.workspace_files,
        "kept too much": sum(map(len, outcome.files.values())) > limits.workspace_bytes,
    }
    return [words for words, wrong in checks.items() if wrong]
