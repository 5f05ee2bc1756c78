"""The policy engine as others see it: compile modules into a bundle, then ask the bundle for decisions."""

from __future__ import annotations

from collections.abc import Mapping

from policies.ask import decide
from policies.bundle import Bundle, build, default_modules, default_tests, entrypoint, reads_of, revision_of
from policies.decision import POINTS, Decision, Point, input_hash
from policies.errors import PolicyInvalid
from policies.proof import check_defaults, failing_tests

__all__ = [
    "Bundle",
    "Decision",
    "Point",
    "PolicyInvalid",
    "compile_bundle",
    "decide",
    "default_modules",
    "default_tests",
    "input_hash",
]


def compile_bundle(modules: Mapping[str, str], tests: Mapping[str, str] | None = None) -> Bundle:
    """
    Compile modules (file name to source), and run their tests if given.

    The engine has no time limit, and odd modules can crash it: compile what a stranger wrote in a process of its own.

    Raises:
        PolicyInvalid: a module doesn't parse or holds something unsafe, a decision point doesn't deny an empty input,
            or tests failed; the message says which.
    """
    compiled = build(modules, [entrypoint(point) for point in POINTS])
    bundle = Bundle(revision_of(modules), compiled, reads_of(modules))
    check_defaults(bundle)
    if failed := failing_tests(bundle, tests or {}):
        raise PolicyInvalid("tests failed: " + "; ".join(failed))
    return bundle
