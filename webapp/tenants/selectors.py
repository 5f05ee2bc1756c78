"""Finds who a credential belongs to. Looking across tenants is left to functions of the database that return ids only."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet

from webapp.common.tenancy import tenant_scope
from webapp.tenants.models import ApiKey, User
from webapp.tenants.rules import Principal, key_hash, normalised_key, scopes_of


def principal_of_key(raw: str) -> Principal | None:
    """The holder of an API key; None for an unknown, expired or switched-off one, or a tenant that is."""
    key = normalised_key(raw)
    found = _owner("SELECT tenant_id, key_id FROM credential_owner(%s)", key_hash(key)) if key else None
    if found is None:
        return None
    tenant, key_id = found
    with tenant_scope(tenant):
        row = ApiKey.objects.select_related("user", "tenant").get(id=key_id)
        if not _usable(row):
            return None
        _touch(row)
    allowed = scopes_of(row.user.role, operates_platform=row.tenant.operates_platform)
    return Principal(
        tenant_id=tenant,
        user_id=row.user.id,
        role=row.user.role,
        scopes=frozenset(row.scopes) & allowed,
        tier=row.tenant.tier,
        email=row.user.email,
        key_id=row.id,
    )


def principal_of_user(user: User) -> Principal:
    """A person who has signed in: all that their role may do. The tenant must have been read with the user."""
    return Principal(
        tenant_id=user.tenant_id,
        user_id=user.id,
        role=user.role,
        scopes=scopes_of(user.role, operates_platform=user.tenant.operates_platform),
        tier=user.tenant.tier,
        email=user.email,
    )


def find_user(tenant: UUID, user: UUID) -> User | None:
    """With its tenant; None when either is switched off."""
    with tenant_scope(tenant):
        users = User.objects.select_related("tenant")
        return users.filter(id=user, is_active=True, tenant__is_active=True).first()


def user_by_email(email: str) -> User | None:
    found = _owner("SELECT tenant_id, user_id FROM email_owner(%s)", email.strip().lower())
    return find_user(*found) if found else None


def keys_of(tenant: UUID, user: UUID | None) -> QuerySet[ApiKey]:
    """Newest first; of everyone in the tenant when `user` is None."""
    keys = ApiKey.objects.filter(tenant_id=tenant).select_related("user").order_by("-id")
    return keys if user is None else keys.filter(user_id=user)


def _owner(sql: str, secret: bytes | str) -> tuple[UUID, UUID] | None:
    with connections["default"].cursor() as cursor:
        cursor.execute(sql, [secret])
        found = cursor.fetchone()
    return (found[0], found[1]) if found else None


def _usable(key: ApiKey) -> bool:
    expired = key.expires_at is not None and key.expires_at <= datetime.now(UTC)
    return key.is_active and key.user.is_active and not expired


def _touch(key: ApiKey) -> None:
    """Good to a minute: a write for each request would cost more than the figure is worth."""
    at = datetime.now(UTC)
    if key.last_used_at is None or (at - key.last_used_at).total_seconds() > 60:
        ApiKey.objects.filter(id=key.id).update(last_used_at=at)
