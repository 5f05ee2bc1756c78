"""Contexts for tools, and a sandbox that answers what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from sandbox.errors import SandboxError
from sandbox.keeper import Job, Keeper, Outcome
from sandbox.limits import Limits
from sandbox.process import Heard
from workers.toolbox.registry import ToolContext

MakeContext = Callable[..., ToolContext]


class ScriptedSandbox:
    """Stands for a keeper: gives one outcome, or raises it, and remembers what it was asked to run."""

    limits = Limits()

    def __init__(self, outcome: Outcome | SandboxError) -> None:
        self.outcome = outcome
        self.heard: Heard | None = None
        self.jobs: list[tuple[Job, Limits]] = []

    async def run(self, job: Job, limits: Limits, heard: Heard | None = None, *, owner: str) -> Outcome:
        assert owner == "t1"
        self.jobs.append((job, limits))
        self.heard = heard
        if isinstance(self.outcome, SandboxError):
            raise self.outcome
        return self.outcome


@pytest.fixture
def context() -> MakeContext:
    def make(
        sandbox: ScriptedSandbox | None = None, files: Mapping[str, bytes] | None = None, **change: Any
    ) -> ToolContext:
        fields: dict[str, Any] = {
            "tenant_id": "t1",
            "task_id": "k1",
            "step": 3,
            "attempt": 1,
            "idempotency_key": "k1:3",
            "files": files or {},
            "sandbox": cast(Keeper | None, sandbox),
        }
        return ToolContext(**{**fields, **change})

    return make


@pytest.fixture
def scripted() -> Callable[[Outcome | SandboxError], ScriptedSandbox]:
    return ScriptedSandbox
