"""Looks at tenants' sources beside the steps of a tools worker: asks each, some at once, for the tools that it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from webapp.common.encryption import Unsealable
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.tool_modules.selectors import in_force as modules_in_force
from webapp.tool_sources import looks
from webapp.tool_sources.in_force import Found, SourceInForce
from webapp.tool_sources.looks import Due
from webapp.tool_sources.names import tool_name
from webapp.tool_sources.selectors import sources_in_force, sources_of
from workers import process
from workers.app import app
from workers.context import in_reader
from workers.services import services
from workers.source_kinds import SourceFailed, SourceKind, kinds
from workers.toolbox.registry import Registry
from workers.toolbox.source_fit import fit_tools

log = structlog.get_logger()
AT_ONCE = 4  # of one worker process
UNSEALABLE = "Its secret can't be read any more: enter it again."
BROKEN = "Hartley could not make sense of what it said."


@app.task(name="tools.sources")
def sources(**_newer: Any) -> None:
    process.begin(looker().round)


@cache
def looker() -> Looker:
    return Looker(kinds(), services().tools)


class Looker:
    """
    Args:
        tools: those of all tenants, whose names are taken.
    """

    def __init__(self, kinds: Mapping[str, SourceKind], tools: Registry) -> None:
        self._kinds, self._tools, self._slots = kinds, tools, asyncio.Semaphore(AT_ONCE)

    async def round(self) -> None:
        """All that are due. A slow one holds up no other, unless there are as many slow ones as places."""
        try:
            async with asyncio.TaskGroup() as all_of_them:
                for _ in range(AT_ONCE):
                    all_of_them.create_task(self._some())
        except* Exception:
            log.exception("tool_sources.round_failed")  # the next one comes in any case

    async def _some(self) -> None:
        if self._slots.locked():  # by an earlier round, which takes what is due as well
            return
        async with self._slots:
            while due := await in_reader(looks.claim):
                await self._look(due)

    async def _look(self, due: Due) -> None:
        told = {"tenant": str(due.tenant), "source": str(due.source.id)}
        found = await self._found(due)
        written = await in_reader(partial(looks.record, due, found))
        log.info("tool_sources.looked", **told, ready=not found.reason, tools=len(found.tools), written=written)

    async def _found(self, due: Due) -> Found:
        kind = self._kinds.get(due.source.kind)
        if kind is None:
            return Found(reason=f"This release can't look at sources of the kind {due.source.kind!r}.")
        try:
            async with asyncio.timeout(looks.LOOK_S):
                return await self._fitted(due, await kind.find(due.source, looks.secret_of(due.tenant, due.source)))
        except SourceFailed as failed:
            return Found(reason=failed.reason)
        except Unsealable:
            return Found(reason=UNSEALABLE)
        except TimeoutError:
            return Found(reason=f"It did not tell its tools within {looks.LOOK_S:g} s.")
        except Exception as error:  # a source is strangers' work: one that breaks us is not asked without end
            log.exception("tool_sources.broken", source=str(due.source.id))
            return Found(reason=f"{BROKEN} ({type(error).__name__})")

    async def _fitted(self, due: Due, given: list[JSON]) -> Found:
        """In a thread: what strangers list may take seconds, and steps of others run beside it."""
        taken = await in_reader(partial(_taken, due.tenant, due.source))
        allowed = due.source.settings.get("tools") or []
        return await asyncio.to_thread(
            fit_tools,
            due.source.name,
            given,
            allowed=frozenset(allowed),
            is_free=lambda name: self._tools.is_free(name) and not taken(name),
            most=settings.SOURCE_TOOLS,
        )


def _taken(tenant: UUID, source: SourceInForce) -> Callable[[str], bool]:
    """
    Whether a name is that of the tenant's modules or of another source's tools, or would be one: `a_b_c` belongs to the
    source `a_b` as soon as there is one, so that `a` can't come by its calls while it has no tools.
    """
    with tenant_scope(tenant):
        modules, others = modules_in_force(tenant), sources_in_force(tenant)
        longer = tuple(f"{each.name}_" for each in sources_of(tenant) if each.name.startswith(f"{source.name}_"))
    tools = (tool_name(each.name, str(tool["name"])) for each in others if each.id != source.id for tool in each.tools)
    names = frozenset({module.name for module in modules} | set(tools))
    return lambda name: name in names or name.startswith(longer)
