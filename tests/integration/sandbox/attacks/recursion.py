"""Depth: of calls, of data, of syntax. Each ends in an error of the code's, or is cut by the sandbox's stack."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import Attack

DEEP = "x = []\nfor _ in range(2 * 10**4): x = [x]\n"
NO_LIMIT = "import sys\nsys.setrecursionlimit(10**9)\n"
STACK = "stack of 2 MiB"


def deep(name: str, code: str, says: str = "Error", ends: str = "error") -> Attack:
    return Attack(name, code, ends, says)


RECURSION = (
    deep("a function", "def f(): return f()\nf()", "RecursionError"),
    deep("two functions", "def f(): return g()\ndef g(): return f()\nf()", "RecursionError"),
    deep("without a limit", f"{NO_LIMIT}def f(): return f()\nf()", "", "error|memory|crash"),
    deep("without a limit, through C", f"{NO_LIMIT}def f(x): return sorted([1], key=f)\nf(1)", "", "error|crash"),
    deep("a lambda through map", "f = lambda _: list(map(f, [1]))\nf(1)", "", "error"),
    deep("an attribute", "class A:\n def __getattr__(self, n): return getattr(self, n + 'x')\nA().x", "RecursionError"),
    deep("a repr", "class A:\n def __repr__(self): return repr(self)\nA()", "RecursionError"),
    deep("a comparison", "class A:\n def __eq__(self, o): return o == self\nA() == A()", "RecursionError"),
    deep("a call", "class A: pass\nA.__call__ = A()\nA()()", ""),
    deep("the repr of deep data", f"{DEEP}x", ""),
    deep("a comparison of deep data", f"{DEEP}y = x\n{DEEP}x == y", ""),
    deep("a hash of deep data", "x = ()\nfor _ in range(2 * 10**4): x = (x,)\nhash(x)", ""),
    deep("JSON of deep data", f"import json\n{DEEP}json.dumps(x)", ""),
    deep("deep JSON", "import json\njson.loads('[' * 2 * 10**4)", ""),
    deep("a pickle of deep data", f"import pickle\n{DEEP}pickle.dumps(x)", ""),
    deep("a deep pickle", "import pickle\npickle.loads(b'(' * 10**5 + b't.')", "", "ok|error|memory"),
    deep("a copy of deep data", f"import copy\n{DEEP}copy.deepcopy(x)", "RecursionError"),
    deep("deep marshal", "import marshal\nmarshal.loads(b'[\\x01\\0\\0\\0' * 2 * 10**4)", "Error"),
    deep("brackets", "eval('(' * 10**4)", "too complex"),
    deep("brackets that close", "eval('(' * 150 + '1' + ')' * 150)", "", "ok|error"),
    deep("signs", "eval('-' * 2 * 10**4 + '1')", ""),
    deep("additions", "eval('+'.join(['1'] * 2 * 10**4))", ""),
    deep("attributes", "compile('a' + '.b' * 2 * 10**4, 'x', 'eval')", ""),
    deep("blocks", "exec(''.join(' ' * n + 'if 1:\\n' for n in range(200)) + ' ' * 200 + 'pass')", ""),
    deep(
        "a tree of syntax",
        "import ast\nt = ast.Constant(1)\nfor _ in range(2 * 10**4): t = ast.UnaryOp(ast.USub(), t)\ncompile(ast.fix_missing_locations(ast.Expression(t)), 'x', 'eval')",
        "",
    ),
    deep("groups of a regular expression", "import re\nre.compile('(' * 10**4 + ')' * 10**4)", ""),
    deep(
        "exceptions in a chain",
        "e = None\nfor _ in range(10**4):\n n = ValueError()\n n.__context__, e = e, n\nraise e",
        "",
    ),
    deep("groups of exceptions", "e = ValueError()\nfor _ in range(10**4): e = ExceptionGroup('x', [e])\nraise e", ""),
    deep("deallocation of a long chain", f"{DEEP}del x\nprint('freed')", "", "ok|error"),
    deep(
        "deallocation of exceptions",
        "e = None\nfor _ in range(2 * 10**4):\n n = ValueError()\n n.__cause__, e = e, n\ndel e, n\nprint('freed')",
        "",
        "ok|error",
    ),
    deep(
        "deallocation of generators",
        "def g(x): yield x\nx = None\nfor _ in range(2 * 10**4): x = g(x); next(x)\ndel x\nprint('freed')",
        "",
        "ok|error|memory|crash",
    ),
    deep(
        "deallocation of partials",
        "import functools\nx = print\nfor _ in range(2 * 10**4): x = functools.partial(print, x)\ndel x\nprint('freed')",
        "",
        "ok|error",
    ),
    deep("a finalizer that makes another", "class A:\n def __del__(self): A()\nA()\nprint('end')", "", "ok|error"),
    deep(
        "weak references of weak references",
        "import weakref\nclass A: pass\nx = A()\nfor _ in range(2 * 10**4): weakref.finalize(x, print)\nNone",
        "",
        "ok|output|error",
    ),
    deep("iterators of iterators", "x = iter([1])\nfor _ in range(2 * 10**4): x = map(abs, x)\nnext(x)", ""),
    deep(
        "itertools",
        "import itertools\nx = []\nfor _ in range(2 * 10**4): x = itertools.chain(x, [1])\nlist(x)",
        "",
        "ok|error",
    ),
    deep(
        "a symbol table",
        "exec('def f():\\n' * 1 + ''.join(' ' * (n + 1) + f'def f{n}():\\n' for n in range(90)) + ' ' * 95 + 'pass')",
        "",
        "ok|error",
    ),
)
