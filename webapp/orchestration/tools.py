"""
The tools that a tenant's agents have, as the web knows them: those of every tenant, which workers tell, and the tenant's
own. What counts when one is called is the worker's own registry.

All reads are made within the tenant's scope.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from webapp.catalogue.selectors import tools_told
from webapp.common.errors import NotFound
from webapp.common.values import JSON
from webapp.tenants.rules import Principal
from webapp.tool_modules.selectors import in_force
from webapp.tool_sources.names import tool_name
from webapp.tool_sources.selectors import sources_in_force
from webapp.tool_sources.traits import traits_of

HARTLEY, MODULE, SOURCE = "hartley", "module", "source"


@dataclass(frozen=True)
class KnownTool:
    """
    As workers.toolbox.tool.Tool has them; `origin` is HARTLEY, MODULE or SOURCE.

    Args:
        source: of which source it is; "" for all others.
    """

    name: str
    description: str
    parameters: JSON
    version: str = "1"
    category: str = "general"
    effect: str = "acts"
    dangerous: bool = False
    permissions: tuple[str, ...] = ()
    price_usd: Decimal = Decimal(0)
    timeout_s: float = 30.0
    rate_per_minute: int = 0
    concurrency: int = 0
    cache_s: float = 0.0
    branch: str = "generic"
    untrusted: bool = False
    uses_workspace: bool = False
    origin: str = HARTLEY
    source: str = ""

    def may_be_called_by(self, who: Principal) -> bool:
        """By that person directly: what is dangerous is left to agents, whose calls a person approves."""
        return not self.dangerous and set(self.permissions) <= who.permissions


def tools_of(tenant: UUID) -> list[KnownTool]:
    """Hartley's own first, then the tenant's; one of the tenant's never takes the place of one of Hartley's."""
    told = tools_told()
    found: dict[str, KnownTool] = {}
    for tool in (*_everybodys(told), *_modules(tenant, told), *_of_sources(tenant)):
        found.setdefault(tool.name, tool)
    return list(found.values())


def find_tool(tenant: UUID, name: str) -> KnownTool:
    """
    Raises:
        NotFound: also for another tenant's.
    """
    for tool in tools_of(tenant):
        if tool.name == name:
            return tool
    raise NotFound("tool")


def _everybodys(told: JSON) -> Iterator[KnownTool]:
    yield from (_tool(row) for row in told.get("tools", []))


def _modules(tenant: UUID, told: JSON) -> Iterator[KnownTool]:
    for module in in_force(tenant):
        own = {"name": module.name, "description": module.description, "parameters": module.parameters}
        yield _tool({**told.get("module", {}), **own, "version": str(module.number)}, origin=MODULE)


def _of_sources(tenant: UUID) -> Iterator[KnownTool]:
    for source in sources_in_force(tenant):
        for found in source.tools:
            named = {"name": tool_name(source.name, found["name"]), "version": str(source.revision)}
            yield _tool({**found, **traits_of(source, found), **named}, origin=SOURCE, source=source.name)


def _tool(row: JSON, **where: Any) -> KnownTool:
    """A worker of another release may tell less, or more."""
    known = {name: value for name, value in row.items() if name in KnownTool.__dataclass_fields__}
    known |= {"permissions": tuple(known.get("permissions", ())), "price_usd": Decimal(str(known.get("price_usd", 0)))}
    return KnownTool(**{**known, **where})
