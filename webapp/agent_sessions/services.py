"""Opens sessions."""

from __future__ import annotations

from uuid import UUID

from webapp.agent_sessions.models import Session
from webapp.agent_sessions.selectors import find_session


def open_session(*, tenant: UUID, user: UUID, name: str | None, title: str) -> Session:
    """The session of this name (its id or the client's own name for it), or a new one. Another user's is not found."""
    if name:
        found = find_session(tenant, user, name)
        if found:
            return found
    return Session.objects.create(tenant_id=tenant, user_id=user, external_id=name or None, title=title[:60])
