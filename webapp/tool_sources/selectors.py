"""Reads sources and the tools that were found there."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from webapp.common.values import JSON
from webapp.tool_sources.models import ToolSource


@dataclass(frozen=True)
class SourceInForce:
    """
    A source as workers use it.

    Args:
        tools: `{"name", "description", "parameters", "call"}` of each; the name is the source's own, without prefix.
    """

    id: UUID
    kind: str
    name: str
    address: str
    settings: JSON = field(repr=False)
    sealed: bytes | None = field(repr=False)
    tools: list[JSON] = field(repr=False)
    revision: int


def sources_in_force(tenant: UUID) -> list[SourceInForce]:
    """Those that are switched on and have tools, by name."""
    rows = ToolSource.objects.filter(tenant_id=tenant, is_enabled=True, revision__gt=0).order_by("name")
    return [in_force(row) for row in rows]


def in_force(row: ToolSource) -> SourceInForce:
    sealed = None if row.sealed is None else bytes(row.sealed)
    return SourceInForce(row.id, row.kind, row.name, row.address, row.settings, sealed, row.tools, row.revision)
