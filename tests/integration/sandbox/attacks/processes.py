"""Other processes, threads, signals and native code: there are none."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import Attack


def denied(name: str, code: str, says: str = "AttributeError") -> Attack:
    return Attack(name, f"import os\n{code}\nprint('GOT OUT')", "error", says)


PROCESSES = (
    denied("fork", "os.fork()"),
    denied("a fork bomb", "while True: os.fork()"),
    denied("exec", "os.execv('/bin/sh', ['sh'])"),
    denied("execve through its wrapper", "os.execvpe('sh', ['sh'], {})", "NameError"),
    denied("spawn", "os.spawnv(os.P_WAIT, '/bin/sh', ['sh'])"),
    denied("posix_spawn", "os.posix_spawn('/bin/sh', ['sh'], {})"),
    denied("a shell", "os.system('id')"),
    denied("a pipe to a shell", "os.popen('id').read()", "does not support processes"),
    denied("subprocess", "import subprocess\nsubprocess.run(['id'])", "does not support processes"),
    denied("subprocess through a shell", "import subprocess\nsubprocess.getoutput('id')", "does not support processes"),
    denied("multiprocessing", "import multiprocessing\nmultiprocessing.Process(target=print).start()", "Error"),
    denied(
        "a pool of processes", "from concurrent.futures import ProcessPoolExecutor as P\nP().submit(print)", "Error"
    ),
    denied("a thread", "import threading\nthreading.Thread(target=print).start()", "can't start new thread"),
    denied("a raw thread", "import _thread\n_thread.start_new_thread(print, ())", "can't start new thread"),
    denied("a timer", "import threading\nthreading.Timer(0, print).start()", "can't start new thread"),
    denied("another interpreter", "import concurrent.interpreters as i\ni.create().exec('1')", "Error"),
    denied("signals to the first process", "os.kill(1, 9)"),
    denied("signals to the own group", "os.killpg(0, 9)"),
    denied("an alarm", "import signal\nsignal.alarm(1)"),
    denied("another user", "os.setuid(0)"),
    denied("more resources", "import resource", "ModuleNotFoundError"),
    denied("native code", "import ctypes", "ModuleNotFoundError"),
    denied("native code below", "import _ctypes", "ModuleNotFoundError"),
    denied(
        "a native module",
        "import importlib.machinery as m\nm.ExtensionFileLoader('x', 'x').create_module(m.ModuleSpec('x', None, origin='/data/x.so'))",
        "ImportError",
    ),
)
