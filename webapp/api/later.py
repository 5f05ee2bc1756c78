"""Answers that take long: a view that runs in a thread leaves the waiting to the event loop.

The view does what it does for every request, from the credential to the commit, and answers 202 with what it has begun.
In `request.META[LATER]` it leaves a `Later`, which the front (webapp/config/threads.py) asks for the real answer; so no
thread is held meanwhile. Headers of the first answer are kept.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

LATER = "hartley.later"


@dataclass(frozen=True)
class Head:
    """How the answer begins. With `length` its body follows as one piece, else it is streamed."""

    status: int
    headers: dict[str, str]
    length: int | None = None


class Later(Protocol):
    def answer(self) -> AsyncGenerator[Head | bytes, None]:
        """The head, then the body in pieces. Cancelled when the client leaves."""

    async def left(self) -> None:
        """The client went away before the end."""
