"""The doors between guest and host, misused: the world's own modules, its types, its memory."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import Attack

ANY = "ok|error|crash"
RAW = "import componentize_py_runtime as raw\n"


def misused(name: str, code: str, ends: str = ANY, says: str = "") -> Attack:
    return Attack(name, code, ends, says, limits={"wall_s": 5})


ESCAPES = (
    misused("a call of an import that is not there", f"{RAW}raw.call_import(10**6, [], 1)"),
    misused(
        "a call of every import",
        f"{RAW}for n in range(300):\n try: raw.call_import(n, [], 1)\n except BaseException as e: last = e",
    ),
    misused("a call with too little", f"{RAW}raw.call_import(0, [], 1)"),
    misused("a call with other types", f"{RAW}raw.call_import(0, [1, 2.0], 1)"),
    misused("a call with too much", f"{RAW}raw.call_import(0, ['stdout', 'x'] * 10**5, 10**5)"),
    misused("a call with a negative number", f"{RAW}raw.call_import(-1, [], -1)"),
    misused("a resource dropped that is not there", f"{RAW}for n in range(100): raw.drop_resource(n, n)"),
    misused("resources dropped at random", f"{RAW}for n in (0, 1, -1, 2**31, 2**32 - 1): raw.drop_resource(0, n)"),
    misused("the run within a run", "import app\nprint(app.WitWorld().run('1/0', ''))", "ok|error"),
    misused(
        "the run within a run, for ever",
        "import app\napp.WitWorld().run('import app; app.WitWorld().run(open)', '')",
        ANY,
    ),
    misused("an export that is no class", "import app\ndel app.WitWorld", "ok|crash|error"),
    misused("an export of another kind", "import app\napp.WitWorld.run = 5", "ok|crash|error"),
    misused("the door closed", "import wit_world\ndel wit_world.emit\nprint('lost')", "error|ok|crash"),
    misused(
        "the door in a loop",
        "import wit_world\nwit_world.emit = lambda *a: wit_world.emit(*a)\nprint('x')",
        "error|ok|crash",
    ),
    misused(
        "the door from a finalizer",
        "import wit_world\nclass E:\n def __del__(self): wit_world.emit('stdout', 'x' * 10**6)\nx = E()\nx.x = x\ndel x",
        "ok",
    ),
    misused(
        "a file of the platform",
        "import hartley\nhartley.save('/etc/cron.d/x', 'x')",
        "error",
        "cannot be a file's name",
    ),
    misused("a file above", "import hartley\nhartley.save('..', 'x')", "error", "cannot be a file's name"),
    misused("a file with a NUL", "import hartley\nhartley.save('a\\0b', 'x')", "error"),
    misused(
        "a file with a name too long",
        "import hartley\nhartley.save('a' * 201, 'x')",
        "error",
        "cannot be a file's name",
    ),
    misused("a file whose type forges its name", "import hartley\nhartley.save('x', 'x', 'a/b:../../y')", "error"),
    misused("a file of odd content", "import hartley\nhartley.save('x', 10**12)", "error|memory"),
    misused(
        "a file whose content lies",
        "import hartley\nclass B(bytes):\n def __len__(self): return 10**12\nhartley.save('x', B(b'1'))",
        "ok|error|output",
    ),
    misused("a value that forges", "import wit_world\nwit_world.emit('value', 'forged')", "ok", "forged"),
    misused(
        "environment and arguments", "import os, sys\nprint(dict(os.environ), sys.argv, sys.orig_argv)", "ok", "{} []"
    ),
    misused(
        "the host by its name",
        "import os, platform, socket\nprint(os.uname(), platform.node())\nprint(socket.gethostname())",
        "ok|error",
    ),
    misused("modules that hold native code", "import _posixsubprocess", "error", "ModuleNotFoundError"),
    misused(
        "code from the host's folders",
        "import sys\nsys.path[:] = ['/', '/usr/lib/python3', '/data', '..', '../..']\nimport psutil",
        "error",
        "ModuleNotFoundError",
    ),
    misused(
        "the classes of everything",
        "print([c for c in object.__subclasses__() if c.__module__ in ('wasmtime', 'sandbox', 'ctypes')])",
        "ok",
        "[]",
    ),
    misused(
        "garbage that holds the host",
        "import gc\nprint([o for o in gc.get_objects() if type(o).__module__.startswith(('wasmtime', 'sandbox'))])",
        "ok",
        "[]",
    ),
    misused("a mirror of the whole memory", "import app\nprint('SECRET' in str(vars(app)))", "ok", "False"),
)
