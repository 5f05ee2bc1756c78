"""Which failures come in a row, among many calls at once? In the order in which the calls began, not ended.

Errors are faster than answers, and what times out together began together: by their ends, a few failures among many
calls would look like an outage. Knows no clock and no provider.
"""

from __future__ import annotations

from itertools import count


class Place:
    """A call that is out, or a failure that is not certain to belong to a row."""

    __slots__ = ("after", "before", "failed", "number")

    def __init__(self, number: int, before: Place | None) -> None:
        self.number, self.before, self.failed = number, before, False
        self.after: Place | None = None


class Row:
    """
    The calls of one process at one provider.

    Args:
        enough: so many failures beside each other are certain even while an older call is out.
    """

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._numbers = count(1)
        self._newest: Place | None = None
        self._well = 0

    def began(self) -> Place:
        place = Place(next(self._numbers), self._newest)
        _join(self._newest, place)
        self._newest = place
        return place

    def well(self, place: Place) -> None:
        """What began before it says nothing of the provider any more, should it fail later."""
        self._well = max(self._well, place.number)
        self._take_out(place, place)

    def nothing(self, place: Place) -> None:
        """It ended without telling anything."""
        if self._newest is place:
            self._newest = place.before
        _join(place.before, place.after)

    def failed(self, place: Place) -> int:
        """
        How many failures are certain to be in a row by this one; each is counted once. None while an older call is
        still out, which may yet end well, or when one that began later did.
        """
        if place.number < self._well:
            self.nothing(place)
            return 0
        place.failed = True
        first, last, failures = place, place, 1
        while first.before and first.before.failed:
            first, failures = first.before, failures + 1
        while last.after and last.after.failed:
            last, failures = last.after, failures + 1
        if first.before and failures < self._enough:
            return 0
        self._take_out(first, last)
        return failures

    def _take_out(self, first: Place, last: Place) -> None:
        """With all between; those before and after are no neighbours then."""
        if self._newest is last:
            self._newest = None
        _join(first.before, None)
        _join(None, last.after)


def _join(one: Place | None, other: Place | None) -> None:
    if one:
        one.after = other
    if other:
        other.before = one
