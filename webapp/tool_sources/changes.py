"""A source that says itself that it has other tools now. For workers, which are in no tenant's scope."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from webapp.common.tables import now
from webapp.common.tenancy import tenant_scope
from webapp.tool_sources.models import ToolSource

PAUSE_S = 10  # after a look, so that a source which says it all the time is not looked at all the time


def tools_changed(tenant: UUID, source: UUID) -> bool:
    """It is looked at as soon as may be. Whether that was news: there is such a source, and it was not due anyway."""
    with tenant_scope(tenant):
        mine = ToolSource.objects.filter(id=source, is_enabled=True, claimed_until=None)
        row = mine.filter(look_at__gt=now() + timedelta(seconds=PAUSE_S)).first()
        if row is None:
            return False
        again_at = (row.checked_at or row.created_at) + timedelta(seconds=PAUSE_S)
        return bool(mine.filter(look_at=row.look_at).update(look_at=again_at))
