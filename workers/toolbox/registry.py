"""The tools that a process knows, by name: Hartley's own, and those that a company adds by dotted path or in a folder."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import structlog
from jsonschema import Draft202012Validator as Rules

from sandbox.keeper import Artifact
from workers.gateway.types import ToolSpec
from workers.toolbox import arguments as schema
from workers.toolbox.builtin.calculator import Calculator
from workers.toolbox.builtin.family import computing_tools
from workers.toolbox.builtin.python_executor import PythonExecutor
from workers.toolbox.builtin.web_crawl import WebCrawl
from workers.toolbox.builtin.web_download import WebDownload
from workers.toolbox.builtin.web_fetch import WebFetch
from workers.toolbox.builtin.web_subpage_fetch import WebSubpageFetch
from workers.toolbox.errors import ToolMisdeclared, ToolOff, ToolUnknown
from workers.toolbox.in_folder import made, tools_in
from workers.toolbox.tool import Tool, ToolContext, ToolError, ToolResult, Undo

__all__ = ["Artifact", "Registry", "Tool", "ToolContext", "ToolError", "ToolResult", "Undo", "load_registry"]

log = structlog.get_logger()

WEIGH_EVIDENCE = "weigh_evidence"
FIND_TOOLS = "find_tools"
OWN_NAMES = frozenset({WEIGH_EVIDENCE, FIND_TOOLS})  # what a turn answers itself


class Registry:
    """
    Args:
        off: names that are not used now, and nobody else's either.
        rules: by which arguments are checked, of tools whose rules were made before.
    Raises:
        ToolMisdeclared: two tools have one name, one has a name of Hartley's own, or a schema is not fit for use.
    """

    def __init__(
        self, tools: Iterable[Tool], *, off: frozenset[str] = frozenset(), rules: Mapping[str, Rules] | None = None
    ) -> None:
        self._tools: dict[str, Tool] = {}
        self._off = off
        for tool in tools:
            if tool.name in OWN_NAMES:
                raise ToolMisdeclared(f"{tool.name}: this name is Hartley's own")
            if tool.name in self._tools:
                raise ToolMisdeclared(f"{tool.name}: there are two tools of this name")
            self._tools[tool.name] = tool
        known = rules or {}
        self._rules = {name: known.get(name) or _rules(tool) for name, tool in self._tools.items()}

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def get(self, name: str) -> Tool:
        """
        Raises:
            ToolUnknown
        """
        if name in self._off:
            raise ToolOff(name)
        if name not in self._tools:
            raise ToolUnknown(name, self._tools)
        return self._tools[name]

    def is_free(self, name: str) -> bool:
        """A tenant's own tool may be called so."""
        return name not in self._tools and name not in self._off and name not in OWN_NAMES

    def with_more(self, tools: Iterable[Tool]) -> Registry:
        """These, and a tenant's own, which never take the place of one of these. One that is misdeclared is left out."""
        more, rules = list[Tool](), dict(self._rules)
        for tool in tools:
            if self.is_free(tool.name) and (its := _rules_if_fit(tool)):
                more.append(tool)
                rules[tool.name] = its
        return Registry([*self, *more], off=self._off, rules=rules) if more else self

    def validate(self, name: str, arguments: object) -> None:
        """
        Raises:
            ToolUnknown
            ArgumentsInvalid: names the field and the rule.
        """
        self.get(name)
        schema.check(name, self._rules[name], arguments)

    def specs(self, names: Sequence[str] | None = None) -> list[ToolSpec]:
        """
        The tools as models see them; all that are offered, or those named.

        Raises:
            ToolUnknown
        """
        every = (tool for tool in self._tools.values() if tool.is_offered)
        tools = every if names is None else [self.get(name) for name in names]
        return [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in tools]


def _rules(tool: Tool) -> Rules:
    """
    Raises:
        ToolMisdeclared
    """
    return schema.validator(tool.name, tool.parameters, is_fitted=tool.is_fitted)


def _rules_if_fit(tool: Tool) -> Rules | None:
    try:
        return _rules(tool)
    except ToolMisdeclared as error:
        log.error("tool.left_out", tool=tool.name, error=str(error))
        return None


def load_registry(extra: Sequence[str] = (), folder: Path | None = None, *, more: Iterable[Tool] = ()) -> Registry:
    """
    Args:
        more: further tools of Hartley's own, which this process is set up for.
        extra: further tools as "package.module:Class"; each class is called without arguments.
        folder: of files with further tools.
    Raises:
        ToolMisdeclared: names the path, or the file and the class, that can't be loaded.
    """
    own = [Calculator(), PythonExecutor(), *computing_tools(), WebFetch(), WebSubpageFetch(), WebCrawl(), WebDownload()]
    in_folder = tools_in(folder) if folder else []
    return Registry([*own, *more, *(_load(path) for path in extra), *in_folder])


def _load(path: str) -> Tool:
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ToolMisdeclared(f"{path}: can't be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Tool)):
        raise ToolMisdeclared(f"{path}: is not a Tool class")
    return made(found, path)
