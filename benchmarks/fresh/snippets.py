"""What is run afresh: next to nothing, a piece of work with JSON, a loop that computes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Snippet:
    """
    Attributes:
        said: what it prints, wherever it runs.
        share: of the rounds, since some take longer than others.
    """

    name: str
    code: str
    said: str
    share: float = 1.0


JSON = """
import json
lines = [json.dumps({"n": n, "name": f"part {n}", "tags": ["a", "b"], "price": n / 8}) for n in range(1000)]
prices = {}
for line in lines:
    part = json.loads(line)
    prices.setdefault(part["name"][-1], []).append(part["price"])
print(sorted((name, sum(of)) for name, of in prices.items())[-1])
"""
LOOP = """
total = 0
for n in range(200_000):
    total += n * n % 7
print(total)
"""
SNIPPETS = [
    Snippet("print('hi')", "print('hi')", "hi"),
    Snippet("1,000 lines of JSON, written, read and summed up", JSON, "('9', 6300.0)", 0.5),
    Snippet("a loop of 200,000 turns", LOOP, "399999", 0.25),
]
