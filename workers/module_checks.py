"""Checks tenants' modules beside the steps of a tools worker: one at a time, each compiled in a process of its own."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import cache, partial
from typing import Any

import structlog

from sandbox.errors import ModuleRefused, SandboxError
from sandbox.modules import Modules
from webapp.tool_modules import checks
from webapp.tool_modules.checks import Checked, Unchecked
from workers import process
from workers.app import app
from workers.context import in_reader
from workers.services import services
from workers.toolbox.registry import Registry

log = structlog.get_logger()


@app.task(name="tools.modules")
def modules(**_newer: Any) -> None:
    process.begin(checker().round)


@cache
def checker() -> Checker:
    return Checker(services().modules, services().tools)


class Checker:
    """
    Args:
        tools: those of all tenants, whose names are taken.
    """

    def __init__(self, modules: Modules, tools: Registry) -> None:
        self._modules, self._tools, self._one = modules, tools, asyncio.Lock()

    async def round(self) -> None:
        """All that wait, one after the other."""
        try:
            async with self._one:
                while asked := await in_reader(checks.claim):
                    if not await self._check(asked):
                        return
        except Exception:
            log.exception("tool_modules.round_failed")  # the next one comes in any case

    async def _check(self, asked: Unchecked) -> bool:
        """False when nothing can be checked at the moment."""
        told = {"tenant": str(asked.tenant), "version": str(asked.version)}
        try:
            checked = await self._found(asked)
        except SandboxError as error:
            log.error("tool_modules.not_checked", **told, error=str(error))
            await in_reader(partial(checks.release, asked))
            return False
        written = await in_reader(partial(checks.record, asked, checked))
        log.info("tool_modules.checked", **told, ready=not checked.reason, written=written)
        return True

    async def _found(self, asked: Unchecked) -> Checked:
        """
        Raises:
            SandboxError
        """
        if not self._tools.is_free(asked.name):
            return Checked(f"A tool of Hartley's own is called {asked.name!r}: choose another name.")
        try:
            return Checked("", asdict(await self._modules.check(asked.wasm)))
        except ModuleRefused as refused:
            return Checked(str(refused))
