"""The platform's tools as they are now: declared by their classes, changed by what is said of them in the admin.

A thread looks every MODULE_LOOK_S, beside the event loop. While Postgres is away what is known stays in force.
"""

from __future__ import annotations

import threading

import structlog
from django.db import Error, connections

from webapp.tool_settings.rules import Setting
from webapp.tool_settings.selectors import settings_in_force
from workers.toolbox.overridden import overridden
from workers.toolbox.registry import Registry

log = structlog.get_logger()


class ToolsInForce:
    """
    Args:
        look_s: between two looks.
    Attributes:
        tools: as they are now; another one when they have changed.
    """

    def __init__(self, declared: Registry, look_s: float) -> None:
        self._declared, self._look_s = declared, look_s
        self._settings: list[Setting] = []
        self._away = False
        self._ended = threading.Event()
        self.tools = declared

    def follow(self) -> None:
        """Look now, then again and again from a thread, until `end`."""
        self.look()
        threading.Thread(target=self._run, name="tool settings", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def look(self) -> None:
        """What can't be read is as it was; that is told once in a row."""
        try:
            self._take(settings_in_force())
            self._away = False
        except Error as error:
            if not self._away:
                log.error("tool_settings.look_failed", error=type(error).__name__)
            self._away = True
        finally:
            connections["default"].close()  # back to the pool until the next look

    def _run(self) -> None:
        while not self._ended.wait(self._look_s):
            self.look()

    def _take(self, settings: list[Setting]) -> None:
        if settings == self._settings:
            return
        known = {tool.name for tool in self._declared}
        unknown = [setting.name for setting in settings if setting.name not in known]
        log.info("tool_settings.changed", settings=len(settings), of_no_tool_here=unknown)
        self.tools, self._settings = overridden(self._declared, settings), settings
