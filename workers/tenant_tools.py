"""
The tools that a tenant's agents have: those of this process, the modules that the tenant brought, and what its sources
have.

A worker goes by what it read last for at most MODULE_LOOK_S.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings

from sandbox.errors import ModuleRefused
from webapp.common.errors import NotFound
from webapp.common.tenancy import tenant_scope
from webapp.tool_modules.selectors import InForce, in_force, wasm_of
from webapp.tool_sources.looks import secret_of
from webapp.tool_sources.names import tool_name
from webapp.tool_sources.selectors import Mark, SourceInForce, marks_in_force, sources_in_force
from workers import context
from workers.services import services
from workers.source_kinds import kinds
from workers.toolbox.module_tool import ModuleTool
from workers.toolbox.registry import Registry
from workers.toolbox.tool import Tool

log = structlog.get_logger()


@dataclass(frozen=True)
class _Known:
    modules: list[InForce]
    marks: list[Mark]
    tools: Registry
    looked_at: float

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.looked_at < settings.MODULE_LOOK_S


_known: dict[UUID, _Known] = {}


async def tools_of(tenant: UUID, wanted: str = "") -> Registry:
    """
    Args:
        wanted: a name that is about to be called. One that is not known is looked for anew: it may have come since.
    """
    known = _known.get(tenant)
    if known is None or not known.fresh or (wanted and known.tools.is_free(wanted)):
        known = _known[tenant] = await _look(tenant, known)
    return known.tools


async def _look(tenant: UUID, known: _Known | None) -> _Known:
    looked_at = time.monotonic()
    modules, marks = await context.in_reader(partial(_read, tenant))
    if known and (known.modules, known.marks) == (modules, marks):
        return _Known(modules, marks, known.tools, looked_at)
    sources = await context.in_reader(partial(_read_sources, tenant)) if marks else []
    tools = services().tools.with_more(_tool(tenant, each) for each in modules)
    tools = tools.with_more(_outer_tools(tenant, sources, tools))
    return _Known(modules, marks, tools, looked_at)


def _read(tenant: UUID) -> tuple[list[InForce], list[Mark]]:
    with tenant_scope(tenant):
        return in_force(tenant), marks_in_force(tenant)


def _read_sources(tenant: UUID) -> list[SourceInForce]:
    with tenant_scope(tenant):
        return sources_in_force(tenant)


def _outer_tools(tenant: UUID, sources: list[SourceInForce], known: Registry) -> Iterator[Tool]:
    """What clashes or is odd costs only itself; looking at its source told about it, or will."""
    names: set[str] = set()
    for source in sources:
        for found in source.tools if source.kind in kinds() else ():
            name = tool_name(source.name, found["name"])
            if name in names or not known.is_free(name):
                continue
            names.add(name)
            try:
                yield kinds()[source.kind].tool(source, found, partial(secret_of, tenant, source))
            except Exception:
                log.exception("tool_sources.tool_left_out", source=str(source.id), tool=name)


def _tool(tenant: UUID, module: InForce) -> ModuleTool:
    return ModuleTool(
        name=module.name,
        description=module.description,
        parameters=module.parameters,
        version=str(module.number),
        code=partial(services().modules.native, module.sha256, _wasm(tenant, module.sha256)),
    )


def _wasm(tenant: UUID, sha256: str) -> Callable[[], Awaitable[bytes]]:
    def read() -> bytes:
        with tenant_scope(tenant):
            return wasm_of(tenant, sha256)

    async def wasm() -> bytes:
        """
        Raises:
            ModuleRefused: it is not there any more.
        """
        try:
            return await context.in_reader(read)
        except NotFound:
            raise ModuleRefused("It was removed.") from None

    return wasm
