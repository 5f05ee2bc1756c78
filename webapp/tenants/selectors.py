"""Finds who a credential belongs to."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connections

from webapp.common.tenancy import tenant_scope
from webapp.tenants.models import ApiKey, User
from webapp.tenants.rules import ROLE_SCOPES, Principal, key_hash, normalised_key


def principal_of_key(raw: str) -> Principal | None:
    """
    The holder of an API key; None for an unknown, expired or switched-off one.

    The look-up across tenants is a function of the database that returns ids only.
    """
    key = normalised_key(raw)
    if key is None:
        return None
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT tenant_id, key_id FROM credential_owner(%s)", [key_hash(key)])
        found = cursor.fetchone()
    if found is None:
        return None
    tenant_id, key_id = found
    with tenant_scope(tenant_id):
        row = ApiKey.objects.select_related("user", "tenant").get(id=key_id)
    if not _usable(row):
        return None
    return Principal(
        tenant_id=tenant_id,
        user_id=row.user.id,
        role=row.user.role,
        scopes=frozenset(row.scopes) & ROLE_SCOPES[row.user.role],
        tier=row.tenant.tier,
        email=row.user.email,
    )


def principal_of_user(user: User) -> Principal:
    """A person who has signed in: all that their role may do. The tenant must have been read with the user."""
    return Principal(
        tenant_id=user.tenant_id,
        user_id=user.id,
        role=user.role,
        scopes=ROLE_SCOPES[user.role],
        tier=user.tenant.tier,
        email=user.email,
    )


def _usable(key: ApiKey) -> bool:
    expired = key.expires_at is not None and key.expires_at <= datetime.now(UTC)
    return key.is_active and key.user.is_active and not expired
