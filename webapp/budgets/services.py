"""Creates envelopes. What they hold and spend is changed by the engine's SQL alone."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from webapp.budgets.models import Envelope, Level


def ensure_envelope(
    *, tenant: UUID, level: Level, owner: UUID, tokens_limit: int | None = None, usd_limit: Decimal | None = None
) -> UUID:
    """The envelope of this owner; its limits are set when it is made and kept afterwards."""
    envelope, _ = Envelope.objects.get_or_create(
        level=level,
        owner_id=owner,
        defaults={"tenant_id": tenant, "tokens_limit": tokens_limit, "usd_limit": usd_limit},
    )
    return envelope.id
