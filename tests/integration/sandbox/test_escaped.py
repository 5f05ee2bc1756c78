"""
What native code could do that has broken out of the guest: a stand-in for the child, confined as the child is, that tries.

Namespaces and a root of its own are the system's to give; what holds without them is asked for everywhere.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.services import ROOT

HEAD = """
import ctypes, json, os, resource, socket, sys, threading, encodings.idna
from sandbox.confine import confine, libc, no_more_threads
secret, port, local, neighbour, keeper = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
confined = confine()
no_more_threads()
"""
NEIGHBOUR = f"{HEAD}\nprint('ready', flush=True)\nsys.stdin.read()"
ESCAPED = f"""{HEAD}
def call(number, *values):
    ended = libc.syscall(number, *values)
    if ended < 0:
        raise OSError(ctypes.get_errno(), 'refused')
    return ended
def connect(kind, address, family=socket.AF_INET):
    with socket.socket(family, kind) as made:
        made.settimeout(2)
        made.connect(address)
        made.send(b'x')
def tried(work):
    try:
        return f'done: {{work()!r}}'[:500]
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        return f'denied: {{error!r}}'
"""
# By what they need of `Confined`: nothing, a network namespace, a root, a disk of its own, or a fence of some version.
ATTEMPTS: dict[str, tuple[str, int, str]] = {
    "environment": ("", 0, "1 / len(os.environ) if os.environ else os.stat('/no environment')"),
    "become root": ("", 0, "os.setuid(0)"),
    "become another": ("", 0, "os.setresuid(65534, 65534, 65534)"),
    "fork": ("", 0, "os.fork()"),
    "a thread": ("", 0, "threading.Thread(target=print).start()"),
    "a namespace": ("root", 1, "libc.unshare(0x10000000) and call(272, 0x10000000)"),
    "mount": ("", 0, "call(165, b'x', b'.', b'tmpfs', 0, None)"),
    "another root": ("", 0, "os.chroot('.')"),
    "a device": ("", 0, "os.mknod('sda', 0o60666, os.makedev(8, 0))"),
    "more numbers of files": ("", 0, "resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))"),
    "larger files": ("", 0, "resource.setrlimit(resource.RLIMIT_FSIZE, (2**40, 2**40))"),
    "more space": ("", 0, "resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))"),
    "processes again": ("", 0, "resource.setrlimit(resource.RLIMIT_NPROC, (100, 100))"),
    "a core dump": ("", 0, "resource.setrlimit(resource.RLIMIT_CORE, (2**30, 2**30))"),
    "many files open": ("", 0, "[os.open('.', os.O_RDONLY) for _ in range(100)]"),
    "a terabyte": ("", 0, "os.ftruncate(os.open('big', os.O_CREAT | os.O_RDWR), 2**40)"),
    "a disk filled": ("disk", 1, "[open(f'f{n}', 'wb').write(bytes(2**25)) for n in range(10)]"),
    "many names": ("disk", 1, "[os.mkdir(f'd{n}') for n in range(40_000)]"),
    "a look into the keeper": ("", 0, "call(101, 0x4206, keeper, None, None)"),
    "a look into a neighbour": ("", 0, "call(101, 0x4206, neighbour, None, None)"),
    "a neighbour's pipes": ("", 0, "call(438, call(434, neighbour, 0), 0, 0)"),
    "a neighbour's limits": ("uid", 1, "resource.prlimit(neighbour, resource.RLIMIT_NOFILE, (0, 0))"),
    "a neighbour's end": ("fence", 6, "os.kill(neighbour, 0)"),
    "the keeper's end": ("fence", 6, "os.kill(keeper, 0)"),
    "a neighbour's turn": ("uid", 1, "os.setpriority(os.PRIO_PROCESS, neighbour, 19)"),
    "the neighbours' files": ("", 0, "open(f'/proc/{neighbour}/mem', 'rb').read(1)"),
    "a file of the host": ("files", 1, "open(secret).read()"),
    "a file above": ("files", 1, "open('../' * 20 + secret).read()"),
    "the platform's code": ("files", 1, "os.listdir(os.path.dirname(sys.modules['sandbox.confine'].__file__))"),
    "a program": ("files", 1, "os.execv('/bin/sh', ['sh', '-c', 'echo done'])"),
    "a link to the host": ("files", 1, "os.link(secret, 'link')"),
    "what runs": ("files", 1, "os.listdir('/proc')"),
    "TCP": ("tcp", 1, "connect(socket.SOCK_STREAM, ('127.0.0.1', port))"),
    "a datagram": ("network", 1, "connect(socket.SOCK_DGRAM, ('127.0.0.1', port))"),
    "a server": ("tcp", 1, "socket.create_server(('127.0.0.1', 0))"),
    "a raw socket": ("", 0, "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    "a local socket": ("root", 1, "connect(socket.SOCK_STREAM, local, socket.AF_UNIX)"),
    "a socket without a file": ("network", 1, "connect(socket.SOCK_STREAM, chr(0) + local, socket.AF_UNIX)"),
}


@dataclass(frozen=True)
class Found:
    """
    Args:
        confined: what the system gave; see `sandbox.confine.Confined`.
        said: what came of each attempt.
        visits: connections and datagrams that arrived outside.
    """

    confined: dict[str, int]
    said: dict[str, str]
    visits: int
    neighbour_lives: bool

    def has(self, need: str, least: int) -> bool:
        fence, root = self.confined["fence"], self.confined["root"]
        facts = {
            "": 0,
            "uid": os.getuid() == 0,
            "files": root or fence >= 1,
            "tcp": self.confined["network"] or fence >= 4,
        }
        return int({**self.confined, **facts}[need]) >= least


def command(program: str, *arguments: object) -> list[str]:
    return [sys.executable, "-P", "-c", program, *map(str, arguments)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    place = tmp_path_factory.mktemp("escaped")
    place.chmod(0o755)
    secret, local = place / "secret", str(place / "s")
    secret.write_text("hush")
    secret.chmod(0o644)
    options: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
        "env": {"PYTHONPATH": str(ROOT), "PATH": os.defpath},
        "start_new_session": True,
    }
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as tcp, listening(socket.AF_UNIX, local) as named:
        port = tcp.getsockname()[1]
        with listening(socket.AF_UNIX, f"\0{local}") as unnamed, datagrams(port) as udp:
            known = (secret, port, local)
            folders = [tmp_path_factory.mktemp(name) for name in ("neighbour", "child")]
            neighbour = subprocess.Popen(command(NEIGHBOUR, *known, 0, 0), cwd=folders[0], **options)
            assert neighbour.stdout and neighbour.stdout.readline() == "ready\n"
            attempts = "".join(f"said[{name!r}] = tried(lambda: {what})\n" for name, (_, _, what) in ATTEMPTS.items())
            program = f"{ESCAPED}said = {{}}\n{attempts}print(json.dumps([confined.value(), said]))"
            keeper = subprocess.Popen(command("input()"), **options)
            child = subprocess.Popen(command(program, *known, neighbour.pid, keeper.pid), cwd=folders[1], **options)
            said, _ = child.communicate(timeout=20)
            confined, tries = json.loads(said)
            lives = neighbour.poll() is None and keeper.poll() is None
            neighbour.communicate()
            keeper.communicate("\n")
            yield Found(confined, tries, sum(map(visited, (tcp, named, unnamed, udp))), lives)


def listening(family: socket.AddressFamily, address: Any) -> socket.socket:
    made = socket.socket(family)
    made.bind(address)
    made.listen()
    if family == socket.AF_UNIX and not address.startswith("\0"):
        os.chmod(address, 0o777)
    made.setblocking(False)
    return made


def datagrams(port: int) -> socket.socket:
    made = socket.socket(type=socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", port))
    made.setblocking(False)
    return made


def visited(waiting: socket.socket) -> int:
    try:
        waiting.accept() if waiting.type == socket.SOCK_STREAM else waiting.recv(10)
    except BlockingIOError:
        return 0
    return 1


@pytest.mark.parametrize("name", ATTEMPTS)
def test_it_is_denied(name: str, found: Found) -> None:
    need, least, _ = ATTEMPTS[name]
    if not found.has(need, least):
        pytest.skip(f"this system gives no {need}")
    assert found.said[name].startswith("denied: "), found.said[name]


def test_nobody_outside_notices_anything(found: Found) -> None:
    if not found.has("network", 1) or not found.has("root", 1) or not found.has("fence", 6):
        pytest.skip("this system gives less")
    assert found.visits == 0 and found.neighbour_lives
