"""
The process in which one piece of work is done: without network, disk and root, with little time and memory, for what it
reads was written by others and its libraries are large.

Reads one frame and answers `{"done": {...}}` or `{"refused": [code, message]}`.
"""

from __future__ import annotations

import resource
import sys
from importlib import import_module
from typing import Any, Protocol

from sandbox.child import take_pipes
from sandbox.confine import confine, limit_data
from sandbox.frames import Frame, read_frame, write_frame
from workers.toolbox.refused import Refused


class Work(Protocol):
    def warm_up(self) -> None:
        """Load all that will be needed: afterwards no file can be opened."""

    def do(self, asked: dict[str, Any], blobs: tuple[bytes, ...]) -> dict[str, Any]:
        """
        Raises:
            Refused
        """


def main() -> None:
    """The arguments: the work's module, seconds of processor time, bytes of memory."""
    jobs, answers = take_pipes()
    work: Any = import_module(sys.argv[1])
    work.warm_up()
    confine()
    seconds, size_bytes = map(int, sys.argv[2:4])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    limit_data(size_bytes)
    write_frame(answers, {"ready": True})
    frame = read_frame(jobs)
    if frame is not None:
        write_frame(answers, answer(work, frame))


def answer(work: Work, frame: Frame) -> dict[str, Any]:
    try:
        return {"done": work.do(frame.value, frame.blobs)}
    except Refused as refused:
        return {"refused": [refused.code, str(refused)]}
    except MemoryError:
        return {"refused": ["work.memory", "it needs more memory than it may have"]}
    except Exception as error:  # a library met something that its authors did not think of
        return {"refused": ["work.failed", f"it can't be read ({type(error).__name__})"]}


if __name__ == "__main__":
    main()
