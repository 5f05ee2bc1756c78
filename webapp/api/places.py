"""What people keep open in this process: websockets, event streams, waits. Each takes memory and a file while it lasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings

from webapp.common.errors import HartleyError

_open: Counter[UUID] = Counter()  # by person


class NoPlace(HartleyError):
    """Nothing was opened."""


class TooManyOpen(NoPlace):
    """Of this person's."""

    code = "too_many_open"
    status = 429

    def __init__(self) -> None:
        super().__init__(f"More than {settings.SOCKETS_PER_USER} sockets, streams and waits of yours are open")


class AllPlacesTaken(NoPlace):
    """By all people together."""

    code = "all_places_taken"
    status = 503

    def __init__(self) -> None:
        super().__init__("All places for sockets, streams and waits are taken")


def check_place(user: UUID) -> None:
    """
    Raises:
        TooManyOpen, AllPlacesTaken
    """
    if _open[user] >= settings.SOCKETS_PER_USER:
        raise TooManyOpen
    if _open.total() >= settings.SOCKETS_PER_PROCESS:
        raise AllPlacesTaken


@contextmanager
def place(user: UUID) -> Iterator[None]:
    """
    One of those that a person, and all together, may have open. Looking and taking is one step of the loop.

    Raises:
        TooManyOpen, AllPlacesTaken
    """
    check_place(user)
    _open[user] += 1
    try:
        yield
    finally:
        _open[user] -= 1
        if not _open[user]:
            del _open[user]
