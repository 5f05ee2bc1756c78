"""Checks a module in a process of its own, since odd Rego can hang or crash the engine.

    echo '{"name": "interns", "source": "package hartley.own ..."}' | python -m policies.check

Prints `{"ok": true}` or `{"error": "interns line 3: ..."}`. Whoever starts it sets the time limit.
"""

from __future__ import annotations

import json
import os
import resource
import sys

from policies.errors import PolicyInvalid
from policies.tightening import compile_own

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 10


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    answer = os.dup(1)
    os.dup2(2, 1)  # the engine's parser prints its own complaints on the output
    asked = json.load(sys.stdin)
    try:
        compile_own(asked["name"], asked["source"])
        found = {"ok": True}
    except PolicyInvalid as error:
        found = {"error": str(error)}  # type: ignore[dict-item]
    os.write(answer, json.dumps(found).encode())


if __name__ == "__main__":
    main()
