"""Creates envelopes. What they hold and spend is changed by the engine's SQL alone."""

from __future__ import annotations

from uuid import UUID

from webapp.budgets.models import Envelope


def ensure_envelopes(*, tenant: UUID, wanted: list[Envelope]) -> list[UUID]:
    """
    The ids of the envelopes of these owners, in the order in which they are locked.

    Their limits are set when they are made and kept afterwards.
    """
    Envelope.objects.bulk_create(wanted, ignore_conflicts=True)
    owners = [envelope.owner_id for envelope in wanted]
    levels = [envelope.level for envelope in wanted]
    found = Envelope.objects.filter(tenant_id=tenant, owner_id__in=owners, level__in=levels)
    return list(found.order_by("id").values_list("id", flat=True))
