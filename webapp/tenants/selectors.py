"""Finds who a credential belongs to. Looking across tenants is left to functions of the database that return ids only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.db import connections
from django.db.models import Exists, QuerySet
from django.db.models.expressions import BaseExpression

from webapp.common.tenancy import one_statement_of_owner, tenant_scope
from webapp.tenants.models import ApiKey, RefreshToken, User
from webapp.tenants.rules import Principal, key_hash, normalised_key, scopes_of

# Every request asks this: as SQL it costs a third of what composing it costs.
HOLDER = """
SELECT t.id, k.id, u.id, u.role, u.email, t.tier, t.operates_platform, k.scopes, k.last_used_at
  FROM tenants_apikey k JOIN tenants_user u ON u.id = k.user_id JOIN tenants_tenant t ON t.id = k.tenant_id
 WHERE k.key_sha256 = %s AND k.is_active AND u.is_active AND t.is_active AND (k.expires_at IS NULL OR k.expires_at > now())
"""


def principal_of_key(raw: str) -> Principal | None:
    """The holder of an API key; None for an unknown, expired or switched-off one, or a tenant that is."""
    key = normalised_key(raw)
    holder = one_statement_of_owner("credential_owner", key_hash(key), HOLDER) if key else None
    if holder is None:
        return None
    tenant, key_id, user_id, role, email, tier, operates_platform, scopes, last_used_at = holder
    _touch(tenant, key_id, last_used_at)
    return Principal(
        tenant_id=tenant,
        user_id=user_id,
        role=role,
        scopes=frozenset(scopes) & scopes_of(role, operates_platform=operates_platform),
        tier=tier,
        email=email,
        key_id=key_id,
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


def find_user(tenant: UUID, user: UUID, also: Mapping[str, BaseExpression] | None = None) -> User | None:
    """
    With its tenant; None when either is switched off.

    Args:
        also: what else the query brings along, by name.
    """
    with tenant_scope(tenant):
        users = User.objects.select_related("tenant").annotate(**also or {})
        return users.filter(id=user, is_active=True, tenant__is_active=True).first()


def signed_in_user(tenant: UUID, user: UUID, family: UUID) -> User | None:
    """Whose tokens of this family hold: with its tenant; None when any of the three is switched off or revoked."""
    holds = RefreshToken.objects.filter(family=family, user_id=user, revoked_at=None)
    with tenant_scope(tenant):
        users = User.objects.select_related("tenant").filter(Exists(holds))
        return users.filter(id=user, is_active=True, tenant__is_active=True).first()


def user_by_email(email: str) -> User | None:
    found = _owner("SELECT tenant_id, user_id FROM email_owner(%s)", email.strip().lower())
    return find_user(*found) if found else None


def is_taken(email: str, *, but: UUID | None = None) -> bool:
    """By anyone of any tenant, other than this person: people sign in with it alone."""
    found = _owner("SELECT tenant_id, user_id FROM email_owner(%s)", email)
    return found is not None and found[1] != but


def keys_of(tenant: UUID, user: UUID | None) -> QuerySet[ApiKey]:
    """Newest first; of everyone in the tenant when `user` is None."""
    keys = ApiKey.objects.filter(tenant_id=tenant).select_related("user").order_by("-id")
    return keys if user is None else keys.filter(user_id=user)


def _owner(sql: str, secret: str) -> tuple[UUID, UUID] | None:
    with connections["default"].cursor() as cursor:
        cursor.execute(sql, [secret])
        found = cursor.fetchone()
    return (found[0], found[1]) if found else None


def _touch(tenant: UUID, key: UUID, last_used_at: datetime | None) -> None:
    """Good to a minute: a write for each request would cost more than the figure is worth."""
    at = datetime.now(UTC)
    if last_used_at is None or (at - last_used_at).total_seconds() > 60:
        with tenant_scope(tenant):
            ApiKey.objects.filter(id=key).update(last_used_at=at)
