"""One bundle of Hartley's own modules, and small ones written for a test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policies.engine import Bundle, compile_bundle, default_modules

Draft = Callable[[str], Bundle]


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return compile_bundle(default_modules())


@pytest.fixture
def draft() -> Draft:
    """Hartley's modules with a tool_call module of the test's own: `decision` rules after a default denial."""

    def compiled(rules: str) -> Bundle:
        head = 'package hartley.tool_call\nimport rego.v1\ndefault decision := {"effect": "deny", "rule": "own", "reasons": []}\n'
        return compile_bundle({**default_modules(), "tool_call.rego": head + rules})

    return compiled
