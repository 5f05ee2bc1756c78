"""What a tool is: its declaration, what it is given for a run, and the value that it answers with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from sandbox.keeper import Artifact, Keeper
from sandbox.process import Heard
from workers.toolbox.web.browser import Browser

Effect = Literal["computes", "acts"]
Branch = Literal["code_execution", "web_search", "data_analysis", "generic"]


@dataclass(frozen=True)
class ToolContext:
    """
    Args:
        attempt: the step's fence: 1 at first, higher after a lost worker or a retry.
        idempotency_key: equal for all attempts of one step; a tool that acts hands it on.
        files: what is attached to the task, by name.
        workspace: the session's files by path, for a tool that `uses_workspace`.
        fuel: what the sandbox may use at most; None: not limited, and then not counted.
        web: reads pages; None: this process reads none.
        window: tells an agent's open page from those of the tenant's other agents.
        say: shows people what the tool prints while it runs; called in the event loop with `stdout` or `stderr` and text.
    """

    tenant_id: str
    task_id: str
    step: int
    attempt: int
    idempotency_key: str
    files: Mapping[str, bytes]
    sandbox: Keeper | None
    workspace: Mapping[str, bytes] = field(default_factory=dict)
    fuel: int | None = None
    say: Heard | None = None
    web: Browser | None = None
    window: str = ""


@dataclass(frozen=True)
class ToolError:
    """
    `code` is stable, e.g. `sandbox.timeout`; `message` is written for the model.

    `outage`: the other end or the platform failed (no connection, no answer in time, 5xx), whatever the arguments: it
    speaks against the tool, whose breaker counts it.
    """

    code: str
    message: str
    outage: bool = False


@dataclass(frozen=True)
class ToolResult:
    """
    Args:
        output: what the model is shown, e.g. `{"ok": true, "value": "42"}`; JSON, and small enough to be stored.
            `workspace` in it is shown with a failure too.
        changed, deleted: what is to become of the session's files, by path; saved before the step is done.
        based_on: SHA-256 of files as the change takes them to be, None for one that is not there; it is only saved
            while they are so. Of a file that is not named here, the last writer's stays.
        besides: what is said, after a sentence, when its files can't be saved: what it has done all the same.
        redo: what the call comes to when the session's files are others by then; without it the call fails.
        takes_back: the session's files are to be given back what the step that this one undoes has changed.
        fuel: what the sandbox used; None: nobody knows.
        cached: the cause, when an earlier call's result serves: see budgets.models.Cause.
    """

    ok: bool
    output: dict[str, Any]
    error: ToolError | None = None
    artifacts: tuple[Artifact, ...] = ()
    cost_usd: Decimal = Decimal(0)
    changed: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    deleted: tuple[str, ...] = ()
    based_on: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    besides: str = ""
    redo: Callable[[Mapping[str, bytes]], ToolResult] | None = field(default=None, repr=False, compare=False)
    takes_back: bool = False
    fuel: int | None = 0
    cached: str = ""

    @classmethod
    def success(cls, output: Mapping[str, Any], artifacts: tuple[Artifact, ...] = ()) -> ToolResult:
        return cls(True, {"ok": True, **output}, artifacts=artifacts)

    @classmethod
    def failure(
        cls, code: str, message: str, artifacts: tuple[Artifact, ...] = (), *, outage: bool = False
    ) -> ToolResult:
        output = {"ok": False, "error": {"code": code, "message": message}}
        return cls(False, output, ToolError(code, message, outage), artifacts)


FILE_UNDO = "file_undo"


class Undo(NamedTuple):
    """The call that takes back what another call has done."""

    tool: str
    arguments: Mapping[str, Any]


class Tool(ABC):
    """
    A subclass sets what the defaults don't say.

    Attributes:
        parameters: a JSON schema (2020-12) of an object, with `additionalProperties: false`.
        effect: `acts` changes the world outside, so its policy decision is a step of its own.
        dangerous: a person must approve each call.
        branch: by which a task's plan tells what a failed call does to its step (`on_failure`).
        uses_workspace: it is given the session's files.
        is_offered: models and people are told of it.
        is_own: a tenant's, under a name that other tenants may use for something else.
        remote: one service at the other end answers all its calls, so that a call which takes longer than `timeout_s`
            speaks against that service. Where the arguments name the other end, it says nothing of the tool.
        is_fitted: its parameters were made by `outer_schemas`, and are not looked through again.
        untrusted: its result has words of somebody outside, which are data and no orders.
        permissions: the caller must hold all of them.
        price_usd: of one call.
        timeout_s: wall clock for one call, waiting for a free sandbox included.
        fuel: of the sandbox, at most, for one call; budgets hold as much.
        rate_per_minute, concurrency: of one tenant's calls, over all workers; 0: not limited.
        cache_s: for so long an equal call of the same tenant is answered from the first one's result; 0: never.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    category: str = "general"
    branch: Branch = "generic"
    effect: Effect = "acts"
    dangerous: bool = False
    uses_workspace: bool = False
    is_offered: bool = True
    is_own: bool = False
    remote: bool = False
    is_fitted: bool = False
    untrusted: bool = False
    permissions: frozenset[str] = frozenset()
    price_usd: Decimal = Decimal(0)
    timeout_s: float = 30.0
    fuel: int = 0
    rate_per_minute: int = 0
    concurrency: int = 0
    cache_s: float = 0.0
    version: str = "1"

    @abstractmethod
    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """
        Arguments have been validated. What the model got wrong is a failed result; only the platform's own failures
        (no sandbox, a full disk) are raised.
        """

    def compensation(self, arguments: Mapping[str, Any], output: Mapping[str, Any]) -> Undo | None:
        """
        What undoes a call that succeeded, if the task fails later and its plan asks for it; None: nothing can, or needs to.
        Where it is not said otherwise, files of the session that the call has changed become what they were.

        Args:
            output: what the call answered, e.g. `{"ok": true, "booking": "B-17"}`.
        """
        return Undo(FILE_UNDO, {}) if self.uses_workspace and _has_changed_files(output) else None


def _has_changed_files(output: Mapping[str, Any]) -> bool:
    match output.get("workspace"):
        case {"changed": [_, *_]} | {"deleted": [_, *_]}:
            return True
    return False
