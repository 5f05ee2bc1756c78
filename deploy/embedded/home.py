"""The data folder: what lies where, its secrets, and the sentence for each thing that can be wrong with it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

SOCKET_PATH_LIMIT = 90  # bytes; the system's limit for a socket's path is 107
FREE_BYTES = 1_000_000_000

SECRETS = ("superuser", "owner", "app", "system", "valkey", "django", "supervisor", "flower")


class CannotStart(Exception):
    """The message is the one sentence that the user sees."""


@dataclass
class Home:
    """`run` holds sockets: a private folder elsewhere when the path of the data folder is too long for them."""

    root: Path
    run: Path = field(init=False)

    def __post_init__(self) -> None:
        self.run = self.root / "run"
        if len(bytes(self.run)) > SOCKET_PATH_LIMIT:
            self.run = Path(tempfile.mkdtemp(prefix="hartley-"))

    def path(self, name: str) -> Path:
        return self.root / name

    def prepare(self) -> None:
        """
        Raises:
            CannotStart: read-only or full; nothing is left behind.
        """
        made = not self.root.exists()
        try:
            shutil.rmtree(self.root / "run" / "sandbox", ignore_errors=True)  # left by killed workers
            for folder in (self.root, self.run, self.root / "logs"):
                folder.mkdir(parents=True, exist_ok=True)
            (self.root / ".probe").write_bytes(b"x")
            (self.root / ".probe").unlink()
        except OSError as error:
            raise CannotStart(
                f"Can't write to {self.root}: {error.strerror}. Set HARTLEY_HOME to a folder of yours."
            ) from None
        free = shutil.disk_usage(self.root).free
        if free < int(os.environ.get("HARTLEY_FREE_BYTES", FREE_BYTES)):
            if made:
                shutil.rmtree(self.root)
            raise CannotStart(f"The disk of {self.root} has {free // 10**6} MB free; at least 1000 MB are needed.")

    def lock(self) -> IO[str]:
        """Held as long as the returned file is open."""
        file = open(self.root / "lock", "w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"Hartley is already running on {self.root}.") from None
        return file

    def secrets(self) -> dict[str, Any]:
        """What was generated once: read, or made now; one that a newer version needs is added."""
        kept = self.path("secrets.json")
        found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
        made = {name: secrets.token_hex(24) for name in SECRETS} | {"password": secrets.token_urlsafe(18)}
        if made.keys() - found.keys():
            found = made | found
            write_private(kept, found)
        return found

    def clean(self) -> None:
        if self.run != self.root / "run":
            shutil.rmtree(self.run, ignore_errors=True)


def write_private(path: Path, value: object) -> None:
    """Whole or not at all, readable by the owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=2)
    draft.replace(path)


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
