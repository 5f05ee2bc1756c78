"""State left for the next run. The program leaves it; the run that follows on the same keeper must not find it."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import SHORT, Attack


def left(name: str, code: str, ends: str = "ok") -> Attack:
    return Attack(name, code, ends, limits={"wall_s": 5})


LEFTOVERS = (
    left("a name among the builtins", "import builtins\nbuiltins.left = 'left'"),
    left("a builtin replaced", "import builtins\nbuiltins.open = builtins.print = lambda *_: 'left'"),
    left("a module of one's own", "import sys, types\nsys.modules['left'] = types.ModuleType('left')"),
    left("a module replaced", "import sys, types\nsys.modules['json'] = sys.modules['os'] = types.ModuleType('left')"),
    left("functions replaced", "import json, math, os, sys\nmath.pi = 3\njson.loads = os.listdir = sys.exit = None"),
    left(
        "the host's door replaced",
        "import wit_world, app, hartley\nwit_world.emit = app.emit = hartley.save = lambda *_: ''",
    ),
    left(
        "the entry replaced",
        "import app\napp.execute = app.attempt = lambda *_: None\napp.WitWorld.run = lambda *_: '{}'",
    ),
    left("the environment", "import os\nos.environ['LEFT'] = 'left'\nos.putenv('LEFT2', 'left')"),
    left("the source cache", "import linecache\nlinecache.cache['left'] = (1, None, ['left'], 'left')"),
    left("work for the end", "import atexit\natexit.register(print, 'left')"),
    left("a callback of the collector", "import gc\ngc.callbacks.append(lambda *_: print('left'))\ngc.disable()"),
    left(
        "an import hook",
        "import sys\nsys.meta_path.insert(0, 'left')\nsys.path.insert(0, 'left')\nsys.path_hooks.clear()",
    ),
    left("an audit hook", "import sys\nsys.addaudithook(lambda *_: None)"),
    left("a trace function", "import sys\nsys.settrace(lambda *_: None)\nsys.setprofile(lambda *_: None)"),
    left(
        "limits of the interpreter",
        "import sys\nsys.setrecursionlimit(60)\nsys.set_int_max_str_digits(640)\nsys.setswitchinterval(100)",
    ),
    left("display hooks", "import sys\nsys.displayhook = sys.excepthook = sys.unraisablehook = lambda *_: None"),
    left("a signal handler", "import signal\nsignal.signal(signal.SIGTERM, lambda *_: None)"),
    left("warnings silenced", "import warnings\nwarnings.simplefilter('ignore')\nwarnings.showwarning = None"),
    left("a decimal context", "import decimal\ndecimal.getcontext().prec = 2\ndecimal.DefaultContext.prec = 3"),
    left(
        "a codec",
        "import codecs\ncodecs.register(lambda name: None)\ncodecs.register_error('left', None or (lambda e: ('', 0)))",
    ),
    left("a pickle extension", "import copyreg\ncopyreg.add_extension('left', 'left', 99)"),
    left("an adapter of SQLite", "import sqlite3\nsqlite3.register_adapter(int, str)\nsqlite3.connect = None"),
    left("a class changed", "import collections, pathlib\ncollections.UserDict.left = pathlib.Path.left = 'left'"),
    left(
        "a default changed",
        "import json\njson.dumps.__kwdefaults__['indent'] = 99\njson.dumps.__code__ = (lambda *_, **__: 'left').__code__",
        "ok|error|crash",
    ),
    left("a seed", "import random\nrandom.seed(1)\nrandom.random = lambda: 4"),
    left("files", "import os\nfor place in ('/tmp', '/workspace'): open(f'{place}/left', 'w').write('left')"),
    left("a folder changed into", "import os\nos.makedirs('/tmp/left/left')\nos.chdir('/tmp/left/left')"),
    left(
        "an open file",
        "import builtins, os\nbuiltins.f = open('/tmp/left', 'w')\nbuiltins.n = os.open('/tmp/left', os.O_RDONLY)",
    ),
    left(
        "a loop of asyncio",
        "import asyncio\nloop = asyncio.new_event_loop()\nasyncio.set_event_loop(loop)\nloop.call_later(0, print, 'left')",
    ),
    left(
        "a secret in memory",
        "import builtins\nbuiltins.left = [bytearray(b'LEFT IN MEMORY ' * 10**5) for _ in range(20)]",
    ),
    left(
        "a task that waits",
        "async def f():\n try: yield\n finally: print('left')\ng = f()\ng.asend(None).send(None)",
        "ok|error",
    ),
    left("a finalizer that speaks late", "import sys\nclass E:\n def __del__(self): print('left')\nsys.left = E()"),
    left("a cache", "import re, functools\nre.compile('left')\nfunctools.cache(print)('left')"),
    Attack(
        "everything, then no end",
        "import builtins, os\nbuiltins.left = os.environ['LEFT'] = 'left'\nwhile True: pass",
        "timeout",
        limits=SHORT,
    ),
    Attack(
        "everything, then an abort",
        "import builtins, os\nbuiltins.left = os.environ['LEFT'] = 'left'\nos.abort()",
        "crash",
    ),
    Attack(
        "everything, then too much memory",
        "import builtins, os\nbuiltins.left = os.environ['LEFT'] = 'left'\nx = bytearray(2**31)",
        "memory|error",
    ),
)
