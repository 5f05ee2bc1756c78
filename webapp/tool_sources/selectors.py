"""Reads sources and the tools that were found there."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F, QuerySet

from webapp.common.errors import NotFound
from webapp.tool_sources.in_force import SourceInForce
from webapp.tool_sources.models import ToolSource

__all__ = [
    "SourceInForce",
    "find_source",
    "in_force",
    "marks_in_force",
    "sources_in_force",
    "sources_of",
    "waiting_for",
]

Mark = tuple[UUID, int]


def sources_of(tenant: UUID) -> list[ToolSource]:
    """By name."""
    return list(ToolSource.objects.filter(tenant_id=tenant).defer("document", "sealed").order_by("name"))


def find_source(tenant: UUID, name: str) -> ToolSource:
    """
    Raises:
        NotFound: also for another tenant's.
    """
    found = ToolSource.objects.filter(tenant_id=tenant, name=name).first()
    if found is None:
        raise NotFound("tool source")
    return found


def waiting_for(tenant: UUID) -> int:
    """How many changes of tools a person is to accept, of the sources that are switched on."""
    differing = ToolSource.objects.filter(tenant_id=tenant, is_enabled=True).exclude(accepted=F("tools"))
    return sum(len(source.waiting) for source in differing.only("settings", "tools", "accepted"))


def sources_in_force(tenant: UUID) -> list[SourceInForce]:
    """Those that are switched on and have tools, by name; without their documents."""
    return [in_force(row, document="") for row in _in_force(tenant).defer("document")]


def marks_in_force(tenant: UUID) -> list[Mark]:
    """Equal as long as `sources_in_force` would be."""
    return list(_in_force(tenant).values_list("id", "revision"))


def in_force(row: ToolSource, *, document: str) -> SourceInForce:
    sealed = None if row.sealed is None else bytes(row.sealed)
    return SourceInForce(
        row.id, row.kind, row.name, row.address, row.settings, sealed, row.usable, row.revision, document
    )


def _in_force(tenant: UUID) -> QuerySet[ToolSource]:
    return ToolSource.objects.filter(tenant_id=tenant, is_enabled=True, revision__gt=0).order_by("name")
