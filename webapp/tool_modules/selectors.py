"""Reads modules and their versions, without their bytes unless those are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Prefetch

from webapp.common.errors import NotFound
from webapp.common.values import JSON
from webapp.tool_modules.models import ModuleVersion, State, ToolModule


@dataclass(frozen=True)
class InForce:
    """A module as agents may call it."""

    name: str
    number: int
    description: str
    parameters: JSON
    sha256: str


def modules_of(tenant: UUID) -> list[ToolModule]:
    """By name, each with its versions, the newest first."""
    return list(ToolModule.objects.filter(tenant_id=tenant).prefetch_related(_versions()).order_by("name"))


def find_module(tenant: UUID, name: str) -> ToolModule:
    """
    Raises:
        NotFound: also for another tenant's.
    """
    found = ToolModule.objects.filter(tenant_id=tenant, name=name).prefetch_related(_versions()).first()
    if found is None:
        raise NotFound("tool module")
    return found


def in_force(tenant: UUID) -> list[InForce]:
    """Those that are enabled and have a version in force, by name."""
    rows = ModuleVersion.objects.filter(
        tenant_id=tenant, state=State.READY, module__is_enabled=True, number=F("module__active")
    )
    found = rows.order_by("module__name").values_list("module__name", "number", "description", "parameters", "sha256")
    return [InForce(*row) for row in found]


def wasm_of(tenant: UUID, sha256: str) -> bytes:
    """
    The bytes of a version that is ready.

    Raises:
        NotFound: also when it was removed meanwhile.
    """
    rows = ModuleVersion.objects.filter(tenant_id=tenant, sha256=sha256, state=State.READY)
    found = rows.values_list("wasm", flat=True).first()
    if found is None:
        raise NotFound("tool module")
    return bytes(found)


def _versions() -> Prefetch[str]:
    return Prefetch("versions", ModuleVersion.objects.defer("wasm").order_by("-number"))
