"""How the launcher speaks between the lines of the processes."""

from __future__ import annotations


def say(text: str) -> None:
    print(f"hartley: {text}", flush=True)
