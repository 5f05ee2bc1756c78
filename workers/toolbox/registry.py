"""Tools: what an agent may ask for. A tool's result is a value, also when it fails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from typing import Any, ClassVar, Literal

from jsonschema import Draft202012Validator

from sandbox.keeper import Artifact, Keeper
from workers.gateway.types import ToolSpec
from workers.toolbox.errors import ArgumentsInvalid, ToolUnknown

__all__ = ["Artifact", "Registry", "Tool", "ToolContext", "ToolError", "ToolResult", "load_registry"]


@dataclass(frozen=True)
class ToolContext:
    """
    Who calls, and what the tool may use.

    Args:
        idempotency_key: the same for every attempt of the step. A tool that acts on the world passes it on.
        files: the task's attachments by name.
    """

    tenant_id: str
    task_id: str
    step: int
    attempt: int
    idempotency_key: str
    files: Mapping[str, bytes]
    sandbox: Keeper


@dataclass(frozen=True)
class ToolError:
    code: str
    message: str


@dataclass(frozen=True)
class ToolResult:
    """`output` is what the model is shown, e.g. `{"ok": true, "value": "4"}`."""

    ok: bool
    output: dict[str, Any]
    error: ToolError | None = None
    artifacts: Sequence[Artifact] = ()


class Tool(ABC):
    """
    Attributes:
        parameters: JSON schema of the arguments; no others are admitted.
        effect: a tool that `acts` on the world is decided on the policy queue first.
        permissions: what the caller must have.
        timeout_s: the longest that a call may take.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    parameters: ClassVar[dict[str, Any]]
    category: ClassVar[str] = "general"
    effect: ClassVar[Literal["computes", "acts"]] = "computes"
    dangerous: ClassVar[bool] = False
    permissions: ClassVar[frozenset[str]] = frozenset()
    price_usd: ClassVar[Decimal] = Decimal(0)
    timeout_s: ClassVar[float] = 30.0
    version: ClassVar[str] = "1.0.0"

    @abstractmethod
    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult: ...


@dataclass
class Registry:
    tools: Mapping[str, Tool] = field(default_factory=dict)

    @classmethod
    def of(cls, tools: Iterable[Tool]) -> Registry:
        return cls({tool.name: tool for tool in tools})

    def get(self, name: str) -> Tool:
        """
        Raises:
            ToolUnknown
        """
        if name not in self.tools:
            raise ToolUnknown(name)
        return self.tools[name]

    def validate(self, name: str, arguments: Mapping[str, Any] | None) -> None:
        """
        Raises:
            ArgumentsInvalid: the first broken rule, with the name of the argument.
        """
        if arguments is None:
            raise ArgumentsInvalid(name, "the arguments are not a JSON object")
        schema = {**self.get(name).parameters, "additionalProperties": False}
        broken = min(Draft202012Validator(schema).iter_errors(arguments), key=lambda e: list(e.path), default=None)
        if broken:
            where = ".".join(map(str, broken.path)) or "arguments"
            raise ArgumentsInvalid(name, f"{where}: {broken.message[:300]}")

    def specs(self) -> list[ToolSpec]:
        """The tools as a model sees them, by name."""
        return [
            {"name": t.name, "description": t.description, "parameters": t.parameters}
            for _, t in sorted(self.tools.items())
        ]


def load_registry(extra: Sequence[str]) -> Registry:
    """The built-in tools and those named as `package.module:Class`."""
    from workers.toolbox.builtin.calculator import Calculator  # they import this module
    from workers.toolbox.builtin.python_executor import PythonExecutor

    return Registry.of([Calculator(), PythonExecutor(), *(_load(path) for path in extra)])


def _load(path: str) -> Tool:
    module, _, name = path.partition(":")
    tool = getattr(import_module(module), name)()
    if not isinstance(tool, Tool):
        raise TypeError(f"HARTLEY_EXTRA_TOOLS: {path} is not a Tool")
    return tool
