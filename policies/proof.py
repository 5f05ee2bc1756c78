"""What a bundle must show before it is put in force: it denies when told nothing, and passes its own tests.

A test is a rule of a package `hartley.<point>_test` whose value says what is asked and what must be answered:
`test_guests_are_refused := {"input": {...}, "effect": "deny", "rule": "task.member"}`. Its input goes through the same
door as a real one. (Rego's own way, `with input as`, ends the process in this engine.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from policies.ask import ask_path, decide
from policies.bundle import Bundle, build, entrypoint
from policies.decision import POINTS, NotAnAnswer, Point, read_answer
from policies.errors import PolicyInvalid

PACKAGE = re.compile(r"^package\s+hartley\.(\w+)_test\s*$", re.MULTILINE)
TEST = re.compile(r"^(test_\w+)", re.MULTILINE)


def check_defaults(bundle: Bundle) -> None:
    """
    An unknown function or a recursion is only noticed when asked; so ask, about nothing.

    Raises:
        PolicyInvalid: a decision point has no denial of its own for an empty input.
    """
    for point in POINTS:
        try:
            answer = " by ".join(read_answer(ask_path(bundle.compiled, entrypoint(point), "{}"))[:2])
        except NotAnAnswer as error:
            answer = str(error)
        if not answer.startswith("deny by "):
            raise PolicyInvalid(f"hartley.{point}.decision does not deny an empty input: {answer}")


def failing_tests(bundle: Bundle, tests: Mapping[str, str]) -> list[str]:
    """
    One line for each test that does not hold, e.g.
    `tool_call_test.test_guests: expected deny by tool.granted, got allow by tool.member`.

    Raises:
        PolicyInvalid: a test module doesn't parse, or its package names no decision point.
    """
    return [fault for name in sorted(tests) for fault in _failing(bundle, name, tests[name])]


def _failing(bundle: Bundle, name: str, source: str) -> list[str]:
    point = _point(name, source)
    names = list(dict.fromkeys(TEST.findall(source)))
    if not names:
        raise PolicyInvalid(f"{name}: there is no rule called test_...")
    paths = {test: f"hartley/{point}_test/{test}" for test in names}
    compiled = build({name: source}, list(paths.values()))
    faults = {test: _fault(bundle, point, _case(_asked(compiled, path))) for test, path in paths.items()}
    return [f"{point}_test.{test}: {fault}" for test, fault in faults.items() if fault]


def _point(name: str, source: str) -> Point:
    package = PACKAGE.search(source)
    for point in POINTS:
        if package and package[1] == point:
            return point
    raise PolicyInvalid(f"{name}: the package must be one of " + ", ".join(f"hartley.{p}_test" for p in POINTS))


def _asked(compiled: Any, path: str) -> Any:
    try:
        return json.loads(ask_path(compiled, path, "{}"))
    except (NotAnAnswer, ValueError):
        return None


def _case(printed: Any) -> tuple[dict[str, Any], str] | None:
    match printed:
        case {"expressions": [{"input": dict(asked), "effect": str(effect), "rule": str(rule)}]}:
            return asked, f"{effect} by {rule}"
    return None


def _fault(bundle: Bundle, point: Point, case: tuple[dict[str, Any], str] | None) -> str | None:
    if case is None:
        return "its value is not an object of input, effect and rule"
    asked, expected = case
    decision = decide(bundle, point, [asked])[0]
    got = f"{decision.effect} by {decision.rule}"
    return None if got == expected else f"expected {expected}, got {got}"
