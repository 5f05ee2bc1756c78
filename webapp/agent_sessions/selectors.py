"""Reads sessions."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from webapp.agent_sessions.models import Session
from webapp.common.errors import NotFound


def find_session(tenant: UUID, user: UUID, name: str) -> Session | None:
    return sessions_named(tenant, user, name).first()


def sessions_named(tenant: UUID, user: UUID, name: str) -> QuerySet[Session]:
    """One at most, by id or by the name that this user gave it."""
    wanted = Q(external_id=name)
    try:
        wanted |= Q(id=UUID(name))
    except ValueError:
        pass
    return Session.objects.filter(wanted, tenant_id=tenant, user_id=user, deleted_at=None)


def visible_sessions(tenant: UUID, viewer: UUID | None) -> QuerySet[Session]:
    """Newest first; of everyone in the tenant when `viewer` is None."""
    sessions = Session.objects.filter(tenant_id=tenant, deleted_at=None).select_related("user").order_by("-id")
    return sessions if viewer is None else sessions.filter(user_id=viewer)


def find_visible_session(tenant: UUID, viewer: UUID | None, name: str) -> Session:
    """
    By id; by the name that a user gave it only for that user, as two may have chosen the same.

    Raises:
        NotFound
    """
    found = find_session(tenant, viewer, name) if viewer else None
    try:
        found = found or visible_sessions(tenant, viewer).filter(id=UUID(name)).first()
    except ValueError:
        pass
    if found is None:
        raise NotFound("session")
    return found
