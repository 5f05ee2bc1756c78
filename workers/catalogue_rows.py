"""The version of the catalogue that is in force, as this worker knows it, and what the worker tells of its catalogue.

A thread looks every CATALOGUE_LOOK_S, beside the event loop, which is never kept waiting. While Postgres is away what
is known stays in force.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from django.db import Error, connections

from webapp.catalogue import selectors, snapshots
from workers.gateway.catalogue import Catalogue
from workers.gateway.errors import CatalogueInvalid
from workers.toolbox.listing import listing_of
from workers.toolbox.registry import Registry

log = structlog.get_logger()


class VersionInForce:
    """
    Args:
        look_s: between two looks.
    Attributes:
        mistake: why the last look failed, "" when it did not.
    """

    def __init__(self, look_s: float) -> None:
        self._look_s = look_s
        self._number: int | None = None
        self._text: str | None = None
        self._passed_over: str | None = None
        self.mistake = ""
        self._ended = threading.Event()

    def text(self) -> str | None:
        """From memory; None while the shipped file alone is in force, or one that can't be used here."""
        return None if self._text == self._passed_over else self._text

    @property
    def number(self) -> int | None:
        """Of the version whose text that is."""
        return None if self.text() is None else self._number

    def pass_over(self) -> None:
        """Go on without this one until there is another: this release can't use it."""
        self._passed_over = self._text

    def look(self) -> None:
        """Now. What can't be known is as it was."""
        self._try(self._read)

    def follow(self, then: Callable[[], None]) -> None:
        """
        Look again and again from a thread, until `end`.

        Args:
            then: called in that thread, first at once, then after each look; may read and write the database.
        """
        threading.Thread(target=self._run, args=(then,), name="catalogue", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def _run(self, then: Callable[[], None]) -> None:
        def once() -> None:
            self._read()
            then()

        self._try(once)
        while not self._ended.wait(self._look_s):
            self._try(once)

    def _try(self, query: Callable[[], None]) -> None:
        """Each mistake is told once in a row, not at each look."""
        try:
            query()
        except (Error, CatalogueInvalid) as error:
            if str(error) != self.mistake:
                log.error("catalogue.look_failed", error=type(error).__name__, message=str(error))
            self.mistake = str(error)
        else:
            self.mistake = ""
        finally:
            connections["default"].close()  # back to the pool until the next look

    def _read(self) -> None:
        number = selectors.active_number()
        if number != self._number:
            self._text = None if number is None else selectors.source_of(number)
            self._number = number
            log.info("catalogue.version", number=number)


class Told:
    """
    Tells the web what this worker's catalogue comes to and which tools it has, when one of them has changed.

    Args:
        current: the catalogue as it is now.
        tools: those of every tenant as they are now.
    """

    def __init__(self, worker: str, current: Callable[[], Catalogue], tools: Callable[[], Registry]) -> None:
        self._worker, self._current, self._tools = worker, current, tools
        self._told: tuple[str, Registry] | None = None

    def __call__(self) -> None:
        catalogue, tools = self._current(), self._tools()
        if self._told is None or (catalogue.revision, tools) != self._told:
            body = dict(catalogue.listing())
            snapshots.tell(revision=catalogue.revision, body=body, tools=listing_of(tools), worker=self._worker)
            self._told = (catalogue.revision, tools)
