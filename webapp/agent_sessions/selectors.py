"""Reads sessions."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from webapp.agent_sessions.models import Session


def find_session(tenant: UUID, user: UUID, name: str) -> Session | None:
    """By id or by the name that this user gave it."""
    wanted = Q(external_id=name)
    try:
        wanted |= Q(id=UUID(name))
    except ValueError:
        pass
    return Session.objects.filter(wanted, tenant_id=tenant, user_id=user, deleted_at=None).first()
