"""The tenant's own keys for providers, as this worker knows them: read again when they are CATALOGUE_LOOK_S old."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from webapp.catalogue.provider_keys import opened_keys
from webapp.common.tenancy import tenant_scope
from workers import context


@dataclass(frozen=True)
class _Known:
    keys: Mapping[str, str]
    looked_at: float

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.looked_at < settings.CATALOGUE_LOOK_S


_known: dict[UUID, _Known] = {}


async def own_keys(tenant: UUID) -> Mapping[str, str]:
    """
    By provider; empty for a tenant without keys. A removed key is used for at most CATALOGUE_LOOK_S longer.

    Raises:
        Unsealable: one of them can't be opened. To call with the operator's instead would be another's account.
    """
    known = _known.get(tenant)
    if known is None or not known.fresh:
        known = await _read(tenant)
    return known.keys


async def _read(tenant: UUID) -> _Known:
    def scoped() -> dict[str, str]:
        with tenant_scope(tenant):
            return opened_keys(tenant)

    looked_at = time.monotonic()
    read = _Known(await context.in_reader(scoped), looked_at)
    for stale in [other for other, known in _known.items() if not known.fresh]:
        del _known[stale]  # no secret stays longer in memory than it is used
    _known[tenant] = read
    return read
