"""Code that computes for ever, in Python and in the C below it."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import SHORT, Attack


def endless(name: str, code: str) -> Attack:
    return Attack(name, f"{code}\nprint('GOT OUT')", "timeout", "longer than", limits=SHORT)


LOOPS = (
    endless("while", "while True: pass"),
    endless("while, catching all", "while True:\n try:\n  while True: pass\n except BaseException: pass"),
    endless("while, in finally", "try: 1/0\nfinally:\n while True: pass"),
    endless("a generator", "def g():\n while True: yield 1\nfor _ in g(): pass"),
    endless(
        "a generator that refuses to close",
        "def g():\n while True:\n  try: yield\n  except BaseException: pass\n  else: 1\nfor _ in g(): pass",
    ),
    endless("a counter drained in C", "import collections, itertools\ncollections.deque(itertools.count(), maxlen=0)"),
    endless("a sum in C", "import itertools\nsum(itertools.repeat(1))"),
    endless("any in C", "import itertools\nany(itertools.repeat(0))"),
    endless("in, in C", "import itertools\n1 in itertools.repeat(0)"),
    endless("sum of a huge range", "sum(range(10**15))"),
    endless("a power", "x = 7 ** 10**8"),
    endless("a modular power", "pow(3, 10**200000, 10**20000 + 1)"),
    endless("a factorial", "import math\nmath.factorial(10**7)"),
    endless("binomials", "import math\nmath.comb(10**7, 5 * 10**6)"),
    endless("digits of a number", "import sys\nsys.set_int_max_str_digits(0)\nstr(1 << 10**7)"),
    endless("decimals", "import decimal\ndecimal.getcontext().prec = 10**7\ndecimal.Decimal(2).sqrt()"),
    endless("a regular expression", "import re\nre.match('(a*)*b', 'a' * 40)"),
    endless("a regular expression of alternatives", "import re\nre.search('(a|a|aa)+$', 'a' * 60 + 'b')"),
    endless("a regular expression of dots", "import re\nre.match('.*.*.*.*.*.*=', 'x' * 5000)"),
    endless("replacing", "x = 'ab' * 10**6\nwhile True: x = x.replace('a', 'b').replace('b', 'a')"),
    endless("counting in a long string", "x = 'a' * 10**6 + 'b'\nwhile True: x.count('a' * 1000 + 'c')"),
    endless(
        "sorting",
        "import functools\nsorted(range(10**6), key=functools.cmp_to_key(lambda a, b: (a * 7919) % 1009 - b % 1013))",
    ),
    endless("a comparison that never ends", "class E:\n def __eq__(self, other):\n  while True: pass\nE() in [1]"),
    endless("a hash that never ends", "class E:\n def __hash__(self):\n  while True: pass\n{E()}"),
    endless("a repr that never ends", "class E:\n def __repr__(self):\n  while True: pass\nprint(E())"),
    endless("a length that never ends", "class E:\n def __len__(self):\n  while True: pass\nlen(E())"),
    endless(
        "an iterator in C calling back",
        "class E:\n def __iter__(self): return self\n def __next__(self): return 0\nmax(E())",
    ),
    endless(
        "the import of a module",
        "import sys\nclass F:\n def find_spec(*_):\n  while True: pass\nsys.meta_path.insert(0, F)\nimport nothing",
    ),
    endless(
        "a class that is never made",
        "class M(type):\n def __prepare__(*_):\n  while True: pass\nclass C(metaclass=M): pass",
    ),
    endless("a trace function", "import sys\ndef t(*_):\n while True: pass\nsys.settrace(t)\n(lambda: 0)()"),
    endless("a finalizer", "class E:\n def __del__(self):\n  while True: pass\nx = E()\ndel x"),
    endless("garbage collection", "import gc\nx = [[] for _ in range(10**5)]\nwhile True: gc.collect()"),
    endless(
        "a callback of the collector", "import gc\ndef f(*_):\n while True: pass\ngc.callbacks.append(f)\ngc.collect()"
    ),
    endless("JSON with a hook", "import json\ndef f(_):\n while True: pass\njson.loads('{}', object_hook=f)"),
    endless(
        "tasks that never rest", "import asyncio\nasync def f():\n while True: await asyncio.sleep(0)\nasyncio.run(f())"
    ),
    endless(
        "a recursive query",
        "import sqlite3\nsqlite3.connect(':memory:').execute('with recursive c(x) as (select 1 union all select x + 1 from c) select max(x) from c').fetchall()",
    ),
    endless(
        "a function of SQLite",
        "import sqlite3\nc = sqlite3.connect(':memory:')\ndef f():\n while True: pass\nc.create_function('f', 0, f)\nc.execute('select f()').fetchall()",
    ),
    endless("a slow digest", "import hashlib\nx = bytes(10**6)\nwhile True: hashlib.sha3_512(x)"),
    endless("random numbers", "import random\nwhile True: random.random()"),
    endless("system calls", "import os\nwhile True: os.urandom(1)"),
    endless("the clock", "import time\nwhile True: time.monotonic()"),
    endless(
        "a difference of texts",
        "import difflib\ndifflib.SequenceMatcher(None, 'ab' * 20000, 'ba' * 20000, autojunk=False).ratio()",
    ),
    endless("a dictionary of colliding keys", "d = {}\nfor n in range(10**6): d[n * (2**61 - 1)] = n"),
    endless("every permutation", "import itertools\nfor _ in itertools.permutations(range(20)): pass"),
    endless("a bomb of zeros", "import zlib\nx = zlib.compress(bytes(10**7), 9)\nwhile True: zlib.decompress(x)"),
    endless(
        "an ended loop that begins anew",
        "import atexit\n@atexit.register\ndef again():\n while True: pass\natexit._run_exitfuncs()",
    ),
)
