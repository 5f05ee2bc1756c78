"""Reads an OpenAPI document in a process of its own, since odd ones can grow without end.

    echo '{"text": "...", "address": "", "server": "https://api.example.com", "tags": [], "auth": {"kind": "none"}}' \\
        | python -m workers.toolbox.openapi.check

Prints `{"ok": {"title": "Pets", "version": "1.0", "server": "https://api.example.com", "found": [...]}}`, or
`{"error": "It breaks the specification: ..."}`. With `"source": "pets"` it prints `tools` and `left_out` instead of
`found`, as agents would get them. Whoever starts it sets the time limit.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from webapp.common.values import JSON
from workers.toolbox.openapi.operations import base_of, operations
from workers.toolbox.openapi.reading import DocumentRefused, read
from workers.toolbox.source_fit import fit_tools

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 60


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    try:
        print(json.dumps({"ok": told(json.load(sys.stdin))}))
    except DocumentRefused as error:
        print(json.dumps({"error": str(error)}))


def told(asked: JSON) -> JSON:
    """
    Raises:
        DocumentRefused
    """
    document = read(asked["text"])
    base = base_of(document, address=asked["address"], server=asked["server"])
    found = operations(document, base=base, tags=frozenset(asked["tags"]), auth=asked["auth"])
    info = document.get("info") or {}
    said: JSON = {"title": str(info.get("title"))[:200], "version": str(info.get("version"))[:50], "server": base}
    return said | (_fitted(asked, found) if "source" in asked else {"found": list(found)})


def _fitted(asked: JSON, found: Any) -> JSON:
    allowed = frozenset(asked["tools"])
    fitted = fit_tools(asked["source"], found, allowed=allowed, is_free=lambda name: True, most=asked["most"])
    return {"tools": fitted.tools, "left_out": fitted.left_out}


if __name__ == "__main__":
    main()
