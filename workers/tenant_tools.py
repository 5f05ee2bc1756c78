"""
The tools that a tenant's agents have: those of this process, and the modules that the tenant brought.

A worker goes by what it read last for at most MODULE_LOOK_S.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.conf import settings

from sandbox.errors import ModuleRefused
from webapp.common.errors import NotFound
from webapp.common.tenancy import tenant_scope
from webapp.tool_modules.selectors import InForce, in_force, wasm_of
from workers import context
from workers.services import services
from workers.toolbox.module_tool import ModuleTool
from workers.toolbox.registry import Registry


@dataclass(frozen=True)
class _Known:
    modules: list[InForce]
    base: Registry
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
    modules = await context.in_reader(partial(_read, tenant))
    base = services().tools
    if known and known.base is base and known.modules == modules:
        return _Known(modules, base, known.tools, looked_at)
    tools = base.with_more(_tool(tenant, each) for each in modules)
    return _Known(modules, base, tools, looked_at)


def _read(tenant: UUID) -> list[InForce]:
    with tenant_scope(tenant):
        return in_force(tenant)


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
