"""The tools that a process knows, by name: Hartley's own and those that a company adds by dotted path."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence

from sandbox.keeper import Artifact
from workers.gateway.types import ToolSpec
from workers.toolbox import arguments as schema
from workers.toolbox.builtin.calculator import Calculator
from workers.toolbox.builtin.python_executor import PythonExecutor
from workers.toolbox.errors import ToolMisdeclared, ToolUnknown
from workers.toolbox.tool import Tool, ToolContext, ToolError, ToolResult

__all__ = ["Artifact", "Registry", "Tool", "ToolContext", "ToolError", "ToolResult", "load_registry"]


WEIGH_EVIDENCE = "weigh_evidence"
FIND_TOOLS = "find_tools"
OWN_NAMES = frozenset({WEIGH_EVIDENCE, FIND_TOOLS})  # what a turn answers itself


class Registry:
    """
    Raises:
        ToolMisdeclared: two tools have one name, one has a name of Hartley's own, or a schema is not fit for use.
    """

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in OWN_NAMES:
                raise ToolMisdeclared(f"{tool.name}: this name is Hartley's own")
            if tool.name in self._tools:
                raise ToolMisdeclared(f"{tool.name}: there are two tools of this name")
            self._tools[tool.name] = tool
        self._validators = {name: schema.validator(name, tool.parameters) for name, tool in self._tools.items()}

    def get(self, name: str) -> Tool:
        """
        Raises:
            ToolUnknown
        """
        if name not in self._tools:
            raise ToolUnknown(name, self._tools)
        return self._tools[name]

    def is_free(self, name: str) -> bool:
        """A tenant's own tool may be called so."""
        return name not in self._tools and name not in OWN_NAMES

    def with_more(self, tools: Iterable[Tool]) -> Registry:
        """These, and a tenant's own, which never take the place of one of these."""
        more = [tool for tool in tools if self.is_free(tool.name)]
        return Registry([*self._tools.values(), *more]) if more else self

    def validate(self, name: str, arguments: object) -> None:
        """
        Raises:
            ToolUnknown
            ArgumentsInvalid: names the field and the rule.
        """
        self.get(name)
        schema.check(name, self._validators[name], arguments)

    def specs(self, names: Sequence[str] | None = None) -> list[ToolSpec]:
        """
        The tools as models see them; all of them, or those named.

        Raises:
            ToolUnknown
        """
        tools = self._tools.values() if names is None else [self.get(name) for name in names]
        return [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in tools]


def load_registry(extra: Sequence[str] = ()) -> Registry:
    """
    Args:
        extra: further tools as "package.module:Class"; each class is called without arguments.
    Raises:
        ToolMisdeclared: names the path that can't be loaded.
    """
    return Registry([Calculator(), PythonExecutor(), *(_load(path) for path in extra)])


def _load(path: str) -> Tool:
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ToolMisdeclared(f"{path}: can't be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Tool)):
        raise ToolMisdeclared(f"{path}: is not a Tool class")
    return found()
