"""
Landlock: a fence that the kernel puts around a process which gives up rights of its own accord. Needs no root.

Linux has it since 5.13, for TCP since 6.7, for signals since 6.12; what an older kernel doesn't know is left out.
Source: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, of the same number on every kind of processor
VERSION = 1
PATH_BENEATH = 1
FILE_RIGHTS = {1: 1 << 13, 2: 1 << 14, 3: 1 << 15, 5: 1 << 16}  # how many there are, since each version
TCP_SINCE, TCP_RIGHTS = 4, 3
SCOPES_SINCE, SCOPES = 6, 3  # abstract sockets, and signals

libc = ctypes.CDLL(None, use_errno=True)


class Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


class Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def fence() -> int:
    """
    No file but below the working directory, no TCP, no signal to others. Comes before the first thread and after
    PR_SET_NO_NEW_PRIVS.

    Returns: the kernel's version of Landlock; 0 where it has none, and nothing is fenced.
    """
    version = max(0, libc.syscall(CREATE_RULESET, None, 0, VERSION))
    if not version:
        return 0
    files = max(count for since, count in FILE_RIGHTS.items() if since <= version) - 1
    rules = Ruleset(files, TCP_RIGHTS * (version >= TCP_SINCE), SCOPES * (version >= SCOPES_SINCE))
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    folder = os.open(".", os.O_PATH)
    try:
        beneath = Beneath(files, folder)
        held = libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(beneath), 0) == 0
        return version if held and libc.syscall(RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(folder)
        os.close(ruleset)
