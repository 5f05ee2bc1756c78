"""Exceptions that fight back: they hide, they loop, they raise while they are shown; interrupts that are caught."""

from __future__ import annotations

from sandbox.limits import KIB
from tests.integration.sandbox.attacks.attack import SHORT, Attack

SPIN = "while True: pass"


def thrown(name: str, code: str, says: str = "", ends: str = "error") -> Attack:
    return Attack(name, code, ends, says, limits={"wall_s": 5})


def endless(name: str, code: str) -> Attack:
    return Attack(name, code, "timeout", "longer than", limits=SHORT)


EXCEPTIONS = (
    thrown("SystemExit", "raise SystemExit(3)", "SystemExit: 3"),
    thrown("SystemExit with a text", "raise SystemExit('x' * 10**6)", "SystemExit: x"),
    thrown("SystemExit that is success", "raise SystemExit", "", "ok"),
    thrown(
        "SystemExit that lies",
        "class C:\n def __eq__(self, _): raise KeyboardInterrupt\n def __str__(self): raise KeyboardInterrupt\nraise SystemExit(C())",
        "could not be shown",
    ),
    thrown("KeyboardInterrupt", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    thrown("GeneratorExit", "raise GeneratorExit", "GeneratorExit"),
    thrown("BaseException of one's own", "class E(BaseException): pass\nraise E", "E"),
    thrown(
        "a group of them", "raise BaseExceptionGroup('x', [SystemExit(), KeyboardInterrupt()])", "KeyboardInterrupt"
    ),
    thrown("a text that raises", "class E(Exception):\n def __str__(self): raise SystemExit\nraise E"),
    thrown("a text that is no text", "class E(Exception):\n def __str__(self): return 5\nraise E"),
    thrown("a text that is huge", "raise ValueError('x' * 10**7)", "x" * 1000),
    thrown("a name that is huge", "raise type('E' * 10**6, (Exception,), {})", "E"),
    thrown(
        "a name that is no name",
        "E = type('E', (Exception,), {})\nE.__name__ = '\\ud800\\0'\nE.__qualname__ = '\\ud800\\0'\nraise E",
        "",
    ),
    thrown(
        "a class that forges a memory error",
        "class MemoryError(Exception): pass\nraise MemoryError",
        "",
        "error|memory",
    ),
    thrown("many notes", "e = ValueError()\nfor n in range(10**4): e.add_note('x' * 100)\nraise e", "x"),
    thrown("notes that are none", "e = ValueError()\ne.__notes__ = 5\nraise e", "ValueError"),
    thrown("a cause of itself", "a = ValueError()\na.__cause__ = a\nraise a", "ValueError"),
    thrown(
        "a circle of causes", "a, b = ValueError(), KeyError()\na.__cause__, b.__cause__ = b, a\nraise a", "ValueError"
    ),
    thrown("a wide group", "raise ExceptionGroup('x', [ValueError('x' * 100)] * 10**4)", "x"),
    thrown(
        "a syntax error with odd places",
        "raise SyntaxError('x', ('f', 10**9, 10**9, 'x' * 10**6, -5, -5))",
        "SyntaxError",
    ),
    thrown(
        "a syntax error of other types", "e = SyntaxError('x')\ne.lineno = e.text = e.offset = object()\nraise e", ""
    ),
    thrown(
        "a traceback that is cut", "try: 1/0\nexcept Exception as e: raise e.with_traceback(None)", "ZeroDivisionError"
    ),
    thrown("a source that is forged", "import linecache\nlinecache.cache['<code>'] = 5\n1/0", ""),
    thrown("a file's name that is huge", "exec(compile('1/0', 'x' * 10**6, 'exec'))", "ZeroDivisionError"),
    thrown(
        "traceback taken over",
        "import traceback\ntraceback.format_exception = lambda *_, **__: ['forged'] * 10**6\n1/0",
        "forged",
    ),
    thrown(
        "a kind that is forged",
        "class E(Exception): pass\nE.__name__ = 'MemoryError'\nraise E('x')",
        "",
        "error|memory",
    ),
    endless("a text that never ends", f"class E(Exception):\n def __str__(self):\n  {SPIN}\nraise E"),
    endless("the interrupt caught", f"import signal\nwhile True:\n try:\n  {SPIN}\n except: continue"),
    endless(
        "the interrupt in a finalizer",
        f"class E:\n def __del__(self):\n  {SPIN}\nimport sys\nsys.e = E()\nsys.e.e = sys.e\ndel sys.e\nimport gc\ngc.collect()",
    ),
    endless(
        "an exit function that never ends",
        f"import contextlib\n@contextlib.contextmanager\ndef c():\n try: yield\n finally:\n  {SPIN}\nwith c(): 1/0",
    ),
    endless(
        "an unraisable hook that never ends",
        f"import sys\ndef h(_):\n {SPIN}\nsys.unraisablehook = h\nclass E:\n def __del__(self): 1/0\nE()",
    ),
    endless(
        "a wait in the report",
        "import time, traceback\ntraceback.format_exception = lambda *_, **__: time.sleep(10**6)\n1/0",
    ),
    Attack(
        "output in the report",
        "class E(Exception):\n def __str__(self):\n  while True: print('x' * 1000)\nraise E",
        "output",
        limits={"output_bytes": 64 * KIB},
    ),
)
