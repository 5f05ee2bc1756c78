"""What can be wrong with a tool call before it runs, and with a tool that is to be registered."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from webapp.common.errors import HartleyError

NAMES_TOLD = 30  # in one message


class ToolUnknown(HartleyError):
    """There is no tool of this name; the message lists those that there are, of many those called alike."""

    code = "tool.unknown"
    status = 404

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        names = sorted(known)
        alike = names if len(names) <= NAMES_TOLD else get_close_matches(name[:80], names, n=5)
        there_are = f"; there are: {', '.join(alike)}" if alike else f"; there are {len(names)}, none called alike"
        super().__init__(f"There is no tool called {name[:80]!r}{there_are}")


class ToolOff(ToolUnknown):
    """Who operates the platform has switched it off."""

    def __init__(self, name: str) -> None:
        self.name = name
        HartleyError.__init__(self, f"The tool {name[:80]!r} is switched off")


class ArgumentsInvalid(HartleyError):
    """
    The arguments break the tool's schema.

    Attributes:
        field: the first argument at fault; the message names each with the rule that it breaks.
    """

    code = "tool.arguments_invalid"
    status = 400

    def __init__(self, name: str, faults: list[tuple[str, str]]) -> None:
        self.field = faults[0][0]
        super().__init__(f"{name}: " + "; ".join(f"{field} {rule}" for field, rule in faults))


class ToolMisdeclared(HartleyError):
    """A tool can't be registered: the platform's own mistake, which stops the start."""

    code = "tool.misdeclared"
