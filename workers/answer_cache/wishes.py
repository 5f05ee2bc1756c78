"""What a tenant wants of the cache, and whose answers it wants no more: read again after POLICY_LOOK_S."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze, FreezeKind
from webapp.tenants.models import Tenant
from workers import context


@dataclass(frozen=True)
class Wishes:
    """
    Attributes:
        mode: see tenants.models.AnswerCaching.
        frozen: models, as provider/model, that must not answer now.
    """

    mode: str
    frozen: frozenset[str]
    looked_at: float

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.looked_at < settings.POLICY_LOOK_S


_known: dict[UUID, Wishes] = {}


async def wishes_of(tenant: UUID) -> Wishes:
    known = _known.get(tenant)
    if known is None or not known.fresh:
        known = await _read(tenant)
    return known


async def _read(tenant: UUID) -> Wishes:
    def scoped() -> tuple[str, frozenset[str]]:
        with tenant_scope(tenant):
            mode = Tenant.objects.values_list("answer_cache", flat=True).get(id=tenant)
            frozen = Freeze.objects.filter(kind=FreezeKind.MODEL, thawed_at=None).values_list("subject", flat=True)
            return mode, frozenset(frozen)

    looked_at = time.monotonic()
    read = Wishes(*await context.in_reader(scoped), looked_at)
    for stale in [other for other, wishes in _known.items() if not wishes.fresh]:
        del _known[stale]
    _known[tenant] = read
    return read
