"""The interpreter itself broken: its crash is the end of one instance, never of the host."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import SHORT, Attack

ANY = "ok|error|crash|memory"
BYTECODE = "def f(): pass\nf.__code__ = f.__code__.replace"


def broken(name: str, code: str, ends: str = ANY) -> Attack:
    return Attack(name, code, ends, limits={"wall_s": 5})


INTERPRETER = (
    broken("abort", "import os\nos.abort()", "crash"),
    broken("exit at once", "import os\nos._exit(0)", "error"),
    broken("exit with a large number", "import os\nos._exit(2**31 - 1)", "error"),
    broken("a fatal fault on purpose", "import faulthandler\nfaulthandler._sigsegv()", "crash|error"),
    broken("a fatal error on purpose", "import faulthandler\nfaulthandler._fatal_error_c_thread()", "crash|error"),
    broken("a stack overflow on purpose", "import faulthandler\nfaulthandler._stack_overflow()", "crash|error"),
    broken("reading at null", "import faulthandler\nfaulthandler._read_null()", "crash|error|ok"),
    broken("bytecode of noise", f"{BYTECODE}(co_code=bytes(range(256)) * 4)\nf()"),
    broken("bytecode that reads past its constants", f"{BYTECODE}(co_consts=())\nf()"),
    broken("bytecode that jumps away", f"{BYTECODE}(co_code=bytes([77, 255] * 50))\nf()", f"{ANY}|timeout"),
    broken("a stack of no size", f"{BYTECODE}(co_stacksize=0)\nf()"),
    Attack("a stack of all sizes", f"{BYTECODE}(co_stacksize=2**28)\nf()", f"{ANY}|timeout", limits=SHORT),
    broken(
        "bytecode at random",
        "import random\ndef f(): pass\nfor n in range(300):\n random.seed(n)\n try: exec(f.__code__.replace(co_code=random.randbytes(40)))\n except BaseException: pass",
        f"{ANY}|timeout|output",
    ),
    broken(
        "marshal of noise",
        "import marshal, random\nfor n in range(3000):\n random.seed(n)\n try: marshal.loads(b'\\xe3' + random.randbytes(60))\n except (ValueError, EOFError, TypeError): pass",
    ),
    broken(
        "a code object of noise",
        "import marshal, random\ncode = bytearray(marshal.dumps(compile('a + b', 'x', 'eval')))\nfor n in range(300):\n random.seed(n)\n bad = bytearray(code)\n bad[random.randrange(len(bad))] = random.randrange(256)\n try: exec(marshal.loads(bytes(bad)), {'a': 1, 'b': 2})\n except BaseException: pass",
        f"{ANY}|timeout",
    ),
    broken(
        "pickle of noise",
        "import pickle, random\nfor n in range(3000):\n random.seed(n)\n try: pickle.loads(random.randbytes(60))\n except BaseException: pass",
    ),
    broken("a pickle that calls", "import pickle\npickle.loads(b\"cos\\nsystem\\n(S'id'\\ntR.\")", "error"),
    broken(
        "objects of the collector",
        "import gc\nfor x in gc.get_objects():\n if isinstance(x, (list, dict, set)) and x is not globals():\n  try: x.clear()\n  except BaseException: pass",
    ),
    broken(
        "modules emptied",
        "import sys\nfor m in list(sys.modules.values()):\n try: m.__dict__.clear()\n except BaseException: pass",
    ),
    broken("modules removed", "import sys\nsys.modules.clear()\nimport os"),
    broken("builtins emptied", "import builtins\nbuiltins.__dict__.clear()"),
    broken("builtins replaced", "import builtins\nbuiltins.len = builtins.isinstance = builtins.print = None\n1/0"),
    broken("a built-in type changed", "type.__call__ = 1", "error"),
    broken(
        "a class changed under an object",
        "class A: __slots__ = ('a',)\nclass B: __slots__ = ('b',)\nx = A()\nx.__class__ = B\nx.b",
    ),
    broken("a list changed while it is sorted", "x = list(range(1000))\nx.sort(key=lambda n: x.clear())"),
    broken(
        "a dictionary changed while it is read",
        "d = {}\nclass E:\n def __hash__(self): return 1\n def __eq__(self, o): d.clear(); return False\nd[E()] = 1\nd[E()] = 2\nfor _ in range(1000): d[E()] = 1",
    ),
    broken("a memory view of what is gone", "b = bytearray(10**6)\nm = memoryview(b)\nm.release()\nm[0]", "error"),
    broken(
        "a memory view as a buffer",
        "import array\nclass B:\n def __buffer__(self, f): return memoryview(bytearray(8))\n def __release_buffer__(self, v): v.release()\nm = memoryview(B())\ndel m",
    ),
    broken(
        "sqlite's pointers",
        "import sqlite3\nc = sqlite3.connect(':memory:')\nk = c.cursor()\ndef f(x): k.close(); c.close(); return 1\nc.create_function('f', 1, f)\nk.execute('select f(1)').fetchall()",
    ),
    broken(
        "a folder read at an offset", "import os\nfor n in range(200):\n try: os.pread(n, 1, 0)\n except OSError: pass"
    ),
    broken("frames", "import sys\nf = sys._getframe()\nwhile f.f_back: f = f.f_back\nf.clear()"),
    broken(
        "outer frames' variables",
        "import sys\nf = sys._getframe()\nwhile f:\n for n in list(f.f_locals):\n  try: f.f_locals[n] = None\n  except BaseException: pass\n f = f.f_back",
    ),
    Attack(
        "outer frames' line",
        "import sys\ndef t(f, e, a): f.f_lineno = 1; return t\nsys.settrace(t)\nsys._getframe().f_trace = t\nx = 1\ny = 2",
        f"{ANY}|timeout",
        limits=SHORT,
    ),
    broken("the main thread interrupted", "import _thread\n_thread.interrupt_main()\nx = 1", "ok|error"),
    broken("a signal raised", "import signal\nsignal.raise_signal(signal.SIGABRT)", "crash|error"),
    broken("a signal that kills", "import signal\nsignal.raise_signal(signal.SIGKILL)", "crash|error|ok"),
    broken("a debugger", "breakpoint()", "error"),
    broken(
        "the interpreter shut down",
        "import sys\nsys.exitfunc = None\nsys._clear_internal_caches()\nsys.flags = None\nsys.exc_info = None\n1/0",
        "error",
    ),
    broken(
        "a parser fed with noise",
        "import random\nfor n in range(300):\n random.seed(n)\n try: compile(random.randbytes(50), 'x', 'exec')\n except (SyntaxError, ValueError): pass\nprint('end')",
        "ok",
    ),
    Attack(
        "a profile function for ever",
        "import sys\ndef p(*_):\n while True: pass\nsys.setprofile(p)\nlen('')",
        "timeout",
        limits=SHORT,
    ),
    broken(
        "expat's callbacks",
        "import xml.parsers.expat as e\np = e.ParserCreate()\ndef f(*_): p.Parse('<b/>')\np.StartElementHandler = f\np.Parse('<a></a>', True)",
        "error|crash",
    ),
    broken(
        "an expression of 10,000 names", "eval(' '.join(f'x{n} if x{n} else' for n in range(3000)) + ' 1')", "error"
    ),
)
