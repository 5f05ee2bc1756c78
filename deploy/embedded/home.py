"""The data folder: what lies where, its secrets, and the sentence for each thing that can be wrong with it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SOCKET_FOLDER_LIMIT = 80  # bytes: a socket's path may have 107, and `/supervisor.sock.<pid>` needs 24 of them
FREE_BYTES = 1_000_000_000
STOPPING_S = 15.0  # how long a stack whose launcher was killed may take to stop
GENERATED = ("superuser", "owner", "app", "system", "valkey", "django", "supervisor", "flower", "encryption", "browser")


class CannotStart(Exception):
    """The message is the one sentence that the user sees."""


@dataclass(frozen=True)
class Home:
    root: Path

    @property
    def run(self) -> Path:
        """Sockets and generated configuration: a short private folder elsewhere when ours has too long a path."""
        inside = self.root / "run"
        if len(bytes(inside)) <= SOCKET_FOLDER_LIMIT:
            return inside
        digest = hashlib.sha256(bytes(self.root)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"hartley-{os.getuid()}-{digest}"

    @property
    def scratch(self) -> Path:
        """The temporary folder of all processes, emptied at start and stop."""
        return self.root / "tmp"

    def path(self, name: str) -> Path:
        return self.root / name

    def prepare(self, free_bytes: int | None = None) -> None:
        """
        Make the folder, or find it in order.

        Raises:
            CannotStart: read-only or full; nothing is left behind.
        """
        made = not self.root.exists()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            (self.root / ".probe").write_bytes(b"x")
            (self.root / ".probe").unlink()
        except OSError as error:
            raise self._unwritable(error) from None
        needed = free_bytes if free_bytes is not None else int(os.environ.get("HARTLEY_FREE_BYTES") or FREE_BYTES)
        free = shutil.disk_usage(self.root).free
        if free < needed:
            if made:
                shutil.rmtree(self.root)
            raise CannotStart(
                f"The disk of {self.root} has {free // 10**6} MB free; at least {needed // 10**6} MB are needed."
            )

    def _unwritable(self, error: OSError) -> CannotStart:
        return CannotStart(f"Can't write to {self.root}: {error.strerror}. Set HARTLEY_HOME to a folder of yours.")

    def lock(self, within_s: float = STOPPING_S) -> IO[str]:
        """
        Held as long as the returned file is open here or in a process that inherited it.

        The supervisor inherits it: after a launcher was killed, the next start waits until everything has stopped.

        Raises:
            CannotStart: a launcher is at work here, or the folder is somebody else's.
        """
        try:
            file = open(self.root / "lock", "a")
        except OSError as error:
            raise self._unwritable(error) from None
        deadline = time.monotonic() + within_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except OSError:
                if self._launched() or time.monotonic() > deadline:
                    file.close()
                    raise CannotStart(f"Hartley is already running on {self.root}; stop it with Ctrl-C.") from None
                time.sleep(0.1)

    def _launched(self) -> bool:
        """Without pids.json one is just starting, which shows soon, or the supervisor is just ending."""
        try:
            return Path(f"/proc/{json.loads(self.path('pids.json').read_text())['launcher']['pid']}").exists()
        except (OSError, ValueError, KeyError):
            return False

    def lay_out(self) -> None:
        """The folders of this run; only under the lock."""
        self.clean()
        for folder in (self.run, self.scratch, self.root / "logs"):
            folder.mkdir(mode=0o755 if folder.is_relative_to(self.root) else 0o700, exist_ok=True)
        if self.run.is_symlink() or self.run.stat().st_uid != os.getuid():
            raise CannotStart(f"{self.run} belongs to somebody else; set HARTLEY_HOME to a folder with a shorter path.")

    def clean(self) -> None:
        """Remove what only this run needed: afterwards nothing is left outside the data folder."""
        self.path("pids.json").unlink(missing_ok=True)
        for folder in (self.scratch, self.root / "run" / "sandbox"):  # the second: settings.SANDBOX_SCRATCH
            shutil.rmtree(folder, ignore_errors=True)
        if not self.run.is_relative_to(self.root):
            shutil.rmtree(self.run, ignore_errors=True)

    def secrets(self) -> dict[str, Any]:
        """What was generated once: read, or made now; one that a newer version needs is added."""
        kept = self.path("secrets.json")
        found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
        missing = {name: secrets.token_hex(24) for name in GENERATED if name not in found}
        if missing:
            found |= missing
            write_json(kept, found)
        return found

    def remember(self, facts: dict[str, Any]) -> None:
        """Add to the secrets, for the next starts."""
        write_json(self.path("secrets.json"), {**self.secrets(), **facts})


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, readable by the owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def write_json(path: Path, value: object) -> None:
    write_private(path, json.dumps(value, indent=2))


def free_port(wanted: int | None = None) -> int:
    """The wanted port of the loopback interface if it is free, else any."""
    for port in ((wanted,) if wanted else ()) + (0,):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise CannotStart("No port is free on 127.0.0.1.")
