"""What a run says to the host, collected up to its limits."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Any

from sandbox.limits import Limits, size
from sandbox.names import check_artifact

TEXTS = ("stdout", "stderr", "value")
News = list[tuple[str, str]]


class Telling:
    """How far a text has been told; a letter that is still incomplete waits."""

    def __init__(self) -> None:
        self._told_bytes, self._decoder = 0, codecs.getincrementaldecoder("utf-8")("replace")

    def more(self, data: bytearray) -> str:
        new = bytes(data[self._told_bytes :])
        self._told_bytes += len(new)
        return self._decoder.decode(new)


class Said:
    """
    `emit` is the host function that the guest calls. It never raises: an exception there harms the host.

    Args:
        stop: interrupts the code; a guest that catches its own exceptions would go on otherwise.
    """

    def __init__(self, limits: Limits, stop: Callable[[], None]) -> None:
        self._limits, self._stop, self._calls = limits, stop, 0
        self._texts = {kind: bytearray() for kind in TEXTS}
        self._heard: set[str] = set()
        self._told = {kind: Telling() for kind in ("stdout", "stderr")}
        self.artifacts: list[tuple[str, str]] = []
        self.blobs: list[bytearray] = []
        self.exceeded: str | None = None

    def emit(self, _store: Any, kind: str, text: str) -> str:
        """Empty when taken, otherwise the reason for the code's author."""
        try:
            return self._take(kind, text.encode("latin-1"))
        except ValueError as refused:
            return str(refused)
        except BaseException as error:
            return type(error).__name__

    def text(self, kind: str) -> str | None:
        """None when the guest never spoke of it; an empty text is something else."""
        return self._texts[kind].decode("utf-8", "replace") if kind in self._heard else None

    def news(self) -> News:
        """What was printed since the last time: kind and text. Asked by another thread, while the code prints on."""
        found = [(kind, told.more(self._texts[kind])) for kind, told in self._told.items()]
        return [(kind, text) for kind, text in found if text]

    def _take(self, kind: str, data: bytes) -> str:
        self._calls += 1
        if self.exceeded:
            return self.exceeded
        if self._calls > self._limits.emits:
            return self._full(f"more than {self._limits.emits} pieces of output")
        if kind in TEXTS:
            return self._text(kind, data)
        return self._more(data) if kind == "continue" and self.blobs else self._artifact(kind, data)

    def _text(self, kind: str, data: bytes) -> str:
        room = self._limits.output_bytes - sum(map(len, self._texts.values()))
        self._heard.add(kind)
        self._texts[kind] += data[:room]
        return "" if len(data) <= room else self._full(f"more than {size(self._limits.output_bytes)} of output")

    def _artifact(self, kind: str, data: bytes) -> str:
        _, media_type, name = kind.split(":", 2)
        check_artifact(name, media_type)
        if len(self.blobs) >= self._limits.artifacts:
            return self._full(f"more than {self._limits.artifacts} files")
        self.artifacts.append((name, media_type))
        self.blobs.append(bytearray())
        return self._more(data)

    def _more(self, data: bytes) -> str:
        if sum(map(len, self.blobs)) + len(data) > self._limits.artifact_bytes:
            del self.artifacts[-1], self.blobs[-1]  # part of a file is of no use
            return self._full(f"files of more than {size(self._limits.artifact_bytes)} together")
        self.blobs[-1] += data
        return ""

    def _full(self, what: str) -> str:
        self.exceeded = what
        self._stop()
        return what
