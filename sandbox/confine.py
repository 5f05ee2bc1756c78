"""
What the child gives up before it runs anything: root, the network, the host's files, new processes, space.

Namespaces, the disk of its own and the change of root need root or user namespaces; where the system refuses them, the
rest holds without them, and `Confined` says which there are.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.fence import fence
from sandbox.limits import MIB

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
CAPABILITY_VERSION_3 = 0x20080522
UIDS = range(60_578, 61_184)  # nobody's, by systemd's list of ranges; Postgres may run as `nobody`
FILE_BYTES = 64 * MIB
DISK_BYTES = 256 * MIB
DISK_FILES = 30_000
OPEN_FILES = 64
OWN_FILES = 32  # more, for the child itself, when a run has left it none
SPACE_BYTES = 1 << 36  # of addresses: each memory of a guest reserves several GiB

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Confined:
    """
    Args:
        network: without one; the namespace has not even a loopback that is up.
        disk: of its own, in memory, limited in bytes and files, gone with the process.
        root: no file of the host can be named, whoever asks.
        fence: the version of Landlock that holds it; 6 and above keep its signals in, 4 and above TCP. 0: none.
    """

    network: bool
    disk: bool
    root: bool
    fence: int

    def value(self) -> dict[str, int]:
        return asdict(self)


def confine(space_bytes: int = SPACE_BYTES) -> Confined:
    """
    From here on nothing is opened but below the working directory: what is loaded by now is all there will be. Comes
    before the first thread, which would be left outside.

    Args:
        space_bytes: of addresses, where a library has reserved more than a guest's memory takes.
    """
    Path("/proc/self/oom_score_adj").write_text("1000")  # when memory runs out, this process goes first
    uid = UIDS[os.getpid() % len(UIDS)]  # of its own, so that no process may signal or limit another
    own = _unshare()
    disk = own and _own_disk(uid)
    root = own and _change_root()
    _give_up_root(uid)
    _drop_capabilities()
    _limit(space_bytes)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    fenced = fence()
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # no other process of this user looks inside
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after the change of user, which clears it
    os.environ.clear()
    return Confined(network=own, disk=disk, root=root, fence=fenced)


def limit_data(wanted_bytes: int) -> None:
    """Of all memory that is neither shared nor a file's. Never above what was set before by others."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = wanted_bytes if hard == resource.RLIM_INFINITY else min(wanted_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _unshare() -> bool:
    spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    if os.getuid() == 0:
        return libc.unshare(spaces) == 0
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(spaces | CLONE_NEWUSER) != 0:
        return False
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    return True


def _own_disk(uid: int) -> bool:
    """Over the working directory; the file system below it stays empty."""
    here = os.getcwd()
    libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
    options = f"size={DISK_BYTES},nr_inodes={DISK_FILES},mode=700"
    if os.getuid() == 0:
        options += f",uid={uid},gid={uid}"
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    if libc.mount(b"sandbox", here.encode(), b"tmpfs", flags, options.encode()) != 0:
        return False
    os.chdir(here)
    return True


def _change_root() -> bool:
    if libc.chroot(b".") != 0:
        return False
    os.chdir("/")
    return True


def _give_up_root(uid: int) -> None:
    """The working directory goes with it to the new user."""
    if os.getuid() == 0:
        os.chown(".", uid, uid)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def _drop_capabilities() -> None:
    """Those of a user namespace; root's went with root."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    libc.capset(header, (ctypes.c_uint32 * 6)())


def _limit(space_bytes: int) -> None:
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES + OWN_FILES),
        (resource.RLIMIT_AS, space_bytes),
    ):
        resource.setrlimit(limit, (most, most))


def limit_files(*, running: bool) -> None:
    """That are open: while code runs fewer than afterwards."""
    most = OPEN_FILES + OWN_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if running else most, most))


def no_more_threads() -> None:
    """Nor processes. For when all threads are there."""
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
