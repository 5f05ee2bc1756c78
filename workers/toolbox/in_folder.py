"""The tools in a company's folder: each .py file of it holds one Tool class or more.

A file may import its neighbours (`from hartley_tools._common import ...`). Files that begin with `_` or `test_` are no
tools' files.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from workers.toolbox.errors import ToolMisdeclared
from workers.toolbox.tool import Tool

PACKAGE = "hartley_tools"
ASIDE = ("_", "test_", "conftest")


def tools_in(folder: Path) -> list[Tool]:
    """
    Their code runs in this process and with its rights.

    Raises:
        ToolMisdeclared: names the file, and the class where it is known.
    """
    if not folder.is_dir():
        raise ToolMisdeclared(f"HARTLEY_TOOLS_FOLDER: there is no folder {folder}")
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith(ASIDE))
    return [made(found, f"{path}: {found.__name__}") for path in files for found in _classes(path)]


def made(found: type[Tool], where: str) -> Tool:
    """
    One of the class, which is called without arguments.

    Raises:
        ToolMisdeclared
    """
    try:
        tool = found()
    except Exception as error:  # a company's own code
        raise ToolMisdeclared(f"{where}: can't be made: {_told(error)}") from error
    for needed, kind in (("name", str), ("description", str), ("parameters", dict)):
        if not isinstance(getattr(tool, needed, None), kind):
            raise ToolMisdeclared(f"{where}: {needed} must be a {kind.__name__}")
    return tool


def _classes(path: Path) -> Iterator[type[Tool]]:
    name = f"{PACKAGE}.{path.stem}"
    sys.modules.pop(name, None)
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise ToolMisdeclared(f"{path}: can't be loaded: {_told(error)}") from error
    found = [value for value in vars(module).values() if _is_own_tool(value, name)]
    if not found:
        raise ToolMisdeclared(f"{path}: holds no Tool class; a file that is none of a tool begins with an underscore")
    yield from found


def _is_own_tool(value: object, module: str) -> bool:
    """Not one that it has imported, or that only others build on."""
    is_tool = inspect.isclass(value) and issubclass(value, Tool)
    return is_tool and value.__module__ == module and not inspect.isabstract(value)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
