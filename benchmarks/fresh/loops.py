"""
Loops that compute, each of one kind. The same source runs in the sandbox and natively.

Each defines `work()`, which returns something short that depends on all of the work, the same under every Python. About
0.1 s natively.
"""

from __future__ import annotations

LOOPS = {
    "function calls": """
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def work():
    return fib(27)
""",
    "floats": """
def work():
    x = 0.5
    for _ in range(1_000_000):
        x = 3.7 * x * (1.0 - x)
    return 0.0 < x < 1.0
""",
    "big integers": """
def work():
    a = b = 1
    for n in range(1, 2500):
        a = a * n
        b = (b + a) % (1 << 4099)
    return b % 1_000_003
""",
    "dictionaries": """
def work():
    found = {}
    for n in range(400_000):
        key = n * 7919 % 5003
        found[key] = found.get(key, 0) + 1
    return len(found), max(found.values())
""",
    "comprehensions": """
def work():
    return sum(len([n * n for n in range(1000) if n % 3]) for _ in range(1200))
""",
    "sorting": """
def work():
    x, numbers = 1, []
    for _ in range(60_000):
        x = x * 1103515245 + 12345 & 0x7FFFFFFF
        numbers.append(x)
    return sorted(numbers)[30_000], sorted(numbers, key=lambda n: -n)[0]
""",
    "strings": """
def work():
    parts = [f"{n}:{n % 7}" for n in range(150_000)]
    text = ",".join(parts)
    return len(text.replace("7", "seven").split(",")), text.count("9:1")
""",
    "json": """
import json
def work():
    rows = [{"n": n, "name": f"part {n}", "price": n / 8, "tags": ["a", None, True]} for n in range(10_000)]
    return len(json.loads(json.dumps(rows))), len(json.dumps(rows, sort_keys=True))
""",
    "regular expressions": """
import re
def work():
    text = " ".join(f"user{n}@mail{n % 50}.example on 2026-{n % 12 + 1:02}-{n % 28 + 1:02}" for n in range(24_000))
    return len(re.findall(r"[a-z]+(\\d+)@([\\w.]+) on (\\d{4})-(\\d\\d)", text)), len(re.sub(r"\\d+", "#", text))
""",
    "planets": """
def work():
    bodies = [[0.0, 0.0, 0.0, 0.0, 39.5], [4.84, -1.16, 0.6, 2.81, 0.0377], [8.34, 4.12, -1.01, 1.82, 0.0113],
              [12.9, -15.1, 1.08, 0.87, 0.0017], [15.4, -25.9, 0.98, 0.59, 0.002]]
    pairs = [(a, b) for n, a in enumerate(bodies) for b in bodies[n + 1:]]
    for _ in range(12_000):
        for a, b in pairs:
            x, y = a[0] - b[0], a[1] - b[1]
            far = 0.001 / ((x * x + y * y) ** 1.5)
            a[2] -= x * b[4] * far; a[3] -= y * b[4] * far
            b[2] += x * a[4] * far; b[3] += y * a[4] * far
        for body in bodies:
            body[0] += 0.001 * body[2]; body[1] += 0.001 * body[3]
    return [round(body[0], 3) for body in bodies]
""",
    "sha256": """
import hashlib
def work():
    digest = b"x" * 1_000_000
    for _ in range(30):
        digest = hashlib.sha256(digest).digest() * 31_250
    return digest[:4].hex()
""",
    "exceptions": """
def work():
    caught = 0
    for n in range(300_000):
        try:
            if n % 2:
                raise ValueError(n)
        except ValueError:
            caught += 1
    return caught
""",
    "objects": """
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)
def work():
    at = Point(0, 0)
    for n in range(250_000):
        at = at + Point(n, 1)
    return at.x, at.y
""",
    "generators": """
def numbers(most):
    yield from range(most)
def work():
    return sum(a ^ b for a, b in zip(numbers(500_000), numbers(500_000)) if a & 1) + sum(n * 2 for n in numbers(800_000))
""",
}
TIMED = """
import time
began = time.perf_counter()
found = work()
print(time.perf_counter() - began, repr(found))
"""
