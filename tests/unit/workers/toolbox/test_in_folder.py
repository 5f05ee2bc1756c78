"""A company's tools in a folder, and the platform's word on tools."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from webapp.tool_settings.rules import Setting
from workers.toolbox.errors import ToolMisdeclared, ToolUnknown
from workers.toolbox.in_folder import tools_in
from workers.toolbox.overridden import overridden
from workers.toolbox.registry import load_registry

TOOL = """
from workers.toolbox.registry import Tool, ToolContext, ToolResult
from hartley_tools._words import WORD

class Base(Tool):
    description = "Says a word."
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}

class Says(Base):
    name = "says"

    async def run(self, arguments, context):
        return ToolResult.success({"word": WORD})
"""
RUN = "\n    async def run(self, arguments, context): ...\n"
HEAD = "from workers.toolbox.registry import Tool\n\nclass Odd(Tool):\n"


def folder(path: Path, **files: str) -> Path:
    for name, text in {"_words": 'WORD = "hello"', "test_says": "assert False", **files}.items():
        (path / f"{name}.py").write_text(text)
    return path


def test_each_class_of_a_file_is_a_tool_and_neighbours_are_none(tmp_path: Path) -> None:
    registry = load_registry(folder=folder(tmp_path, says=TOOL))
    assert {tool.name for tool in registry} - {tool.name for tool in load_registry()} == {"says"}


def test_a_second_folder_has_files_of_its_own(tmp_path: Path) -> None:
    for word in ("one", "two"):
        (tmp_path / word).mkdir()
        (found,) = tools_in(folder(tmp_path / word, says=TOOL.replace("says", word)))
        assert found.name == word


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def broken(:", "odd.py: can't be loaded: SyntaxError"),
        ("import nothing_like_this", "odd.py: can't be loaded: ModuleNotFoundError"),
        ("1 / 0", "odd.py: can't be loaded: ZeroDivisionError"),
        ("from workers.toolbox.builtin.calculator import Calculator", "odd.py: holds no Tool class"),
        (f"{HEAD}    def __init__(self, key): ...{RUN}", "odd.py: Odd: can't be made: TypeError"),
        (f"{HEAD}    description = ''{RUN}", "odd.py: Odd: name must be a str"),
        (f"{HEAD}    name = 'odd'; description = ''; parameters = []{RUN}", "odd.py: Odd: parameters must be a dict"),
    ],
)
def test_what_can_not_be_loaded_is_told_by_file_and_class(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ToolMisdeclared, match=told):
        tools_in(folder(tmp_path, odd=text))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolMisdeclared, match="HARTLEY_TOOLS_FOLDER: there is no folder"):
        tools_in(tmp_path / "gone")


def test_a_worker_whose_tools_can_not_be_loaded_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from celery.signals import worker_init
    from django.test import override_settings

    import workers.app
    from workers import services

    monkeypatch.setattr(services, "services", services.Services)
    with (
        override_settings(TOOLS_FOLDER=folder(tmp_path, odd="1 / 0")),
        pytest.raises(SystemExit, match="tool.misdeclared: .*odd.py: can't be loaded: ZeroDivisionError"),
    ):
        worker_init.send(sender=workers.app.app)


def test_what_is_said_takes_the_place_of_what_is_declared() -> None:
    declared = load_registry()
    said = [Setting("calculator", price_usd=Decimal("0.5"), concurrency=3), Setting("nobody", is_enabled=False)]
    tool = overridden(declared, said).get("calculator")
    was = declared.get("calculator")
    assert (tool.price_usd, tool.concurrency, tool.timeout_s) == (Decimal("0.5"), 3, was.timeout_s)
    assert (was.price_usd, was.concurrency) == (Decimal(0), 0), "the declared one stays as it is"


def test_a_tool_that_is_off_is_not_shown_not_called_and_its_name_is_taken() -> None:
    registry = overridden(load_registry(), [Setting("calculator", is_enabled=False)])
    names = [spec["name"] for spec in registry.specs()]
    assert "calculator" not in names and "python_executor" in names
    with pytest.raises(ToolUnknown, match="The tool 'calculator' is switched off"):
        registry.get("calculator")
    assert not registry.is_free("calculator") and not registry.with_more([]).is_free("calculator")
