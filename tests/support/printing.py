"""A task whose only step is a program that prints, waits, and prints again."""

from __future__ import annotations

from typing import Any

CODE = """
import sys, time
print({first!r})
print("careful", file=sys.stderr)
time.sleep({between_s})
print("last")
"""


def printing(first: str, *, between_s: float) -> dict[str, Any]:
    """The fields of a submission."""
    code = CODE.format(first=first, between_s=between_s)
    step = {"id": "run", "kind": "tool", "tool": "python_executor", "arguments": {"code": code}}
    return {"query": "Run it", "context": {"plan": {"steps": [step]}}}
