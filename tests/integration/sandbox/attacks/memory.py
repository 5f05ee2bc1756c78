"""Memory: what a run asks for beyond its limit is refused to it, and to it alone."""

from __future__ import annotations

from sandbox.limits import MIB
from tests.integration.sandbox.attacks.attack import Attack

SMALL = {"memory_bytes": 128 * MIB}


def greedy(name: str, code: str, ends: str = "memory") -> Attack:
    return Attack(name, f"{code}\nprint('GOT OUT')", ends, limits=SMALL)


MEMORY = (
    greedy("one array", "x = bytearray(2 * 10**9)"),
    greedy("one array of 8 GB", "x = bytearray(8 * 10**9)", "memory|error"),
    greedy("many arrays", "x = []\nwhile True: x.append(bytearray(10**7))"),
    greedy("a string multiplied", "x = 'x' * 2**31", "memory|error"),
    greedy("a string doubled", "x = 'x'\nwhile True: x += x", "memory|error"),
    greedy("a list multiplied", "x = [None] * 10**9", "memory|error"),
    greedy("a list doubled", "x = [0]\nwhile True: x += x"),
    greedy("lists in lists", "x = []\nwhile True: x = [x, [0] * 10**5]"),
    greedy("a tuple of tuples", "x = ()\nwhile True: x = (x, (0,) * 1000)"),
    greedy("a dictionary", "x = {}\nwhile True: x[len(x)] = 'x' * 10**5"),
    greedy("a set", "x = set()\nwhile True: x.add('x' * 1000 + str(len(x)))"),
    greedy("numbers", "x = 1\nwhile True: x <<= 10**7", "memory|error"),
    greedy("a shift", "x = 1 << 2**33", "memory|error"),
    greedy("padding", "x = f'{1:>2000000000}'", "memory|error"),
    greedy("joining", "x = ','.join(['x' * 10**6] * 3000)", "memory|error"),
    greedy("classes", "x = []\nwhile True: x.append(type('C', (), {'a': 'x' * 10**5}))"),
    greedy(
        "frames",
        "def g():\n x = bytearray(10**6)\n yield x\nkept = []\nwhile True:\n i = g()\n next(i)\n kept.append(i)",
    ),
    greedy(
        "exceptions in a chain", "e = None\nwhile True:\n new = ValueError('x' * 10**6)\n new.__cause__, e = e, new"
    ),
    greedy("caught, and again", "x = []\nwhile True:\n try: x.append(bytearray(10**7))\n except MemoryError: raise"),
    greedy(
        "log records",
        "import logging.handlers\nh = logging.handlers.MemoryHandler(10**9, 10**9)\nwhile True: h.emit(logging.makeLogRecord({'levelno': 1, 'msg': bytearray(10**6)}))",
    ),
    greedy(
        "a cache", "import functools\nf = functools.cache(lambda n: bytearray(10**6))\nn = 0\nwhile True: f(n := n + 1)"
    ),
    greedy("a product", "import itertools\nx = list(itertools.product(range(3000), repeat=2))"),
    greedy("text in memory", "import io\nx = io.StringIO()\nwhile True: x.write('x' * 10**6)"),
    greedy("bytes in memory", "import io\nx = io.BytesIO()\nx.seek(2**31 - 10)\nx.write(b'x')", "memory|error"),
    greedy(
        "a database in memory",
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('create table t(a)')\nwhile True: c.execute('insert into t values (zeroblob(1000000))')",
        "memory|error",
    ),
    greedy(
        "a large blob",
        "import sqlite3\nsqlite3.connect(':memory:').execute('select length(zeroblob(2000000000) || 1)').fetchall()",
        "memory|error",
    ),
    greedy(
        "a compressed bomb",
        "import zlib\nx = zlib.compress(bytes(10**7), 9)\ny = [zlib.decompress(x) for _ in range(90)]",
        "memory|error",
    ),
    greedy("a parser's input", "eval('[' + '1,' * 2 * 10**6 + ']')", "memory|error"),
    greedy("memory that no object owns", "import array\nx = array.array('d', [0.0])\nwhile True: x *= 2"),
)
