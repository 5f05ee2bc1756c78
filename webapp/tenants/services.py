"""Creates tenants, their people and their keys."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from webapp.tenants.models import ApiKey, Role, Tenant, User
from webapp.tenants.rules import ROLE_SCOPES, key_hash


@dataclass(frozen=True)
class IssuedKey:
    """The key in clear exists here only: the database keeps its hash."""

    key: ApiKey
    secret: str


def create_tenant(*, name: str, tier: str, session_tokens: int, operates_platform: bool = False) -> Tenant:
    """A tenant is made before its scope can exist, so by the system role."""
    return Tenant.objects.using("system").create(
        name=name, tier=tier, session_tokens=session_tokens, operates_platform=operates_platform
    )


@transaction.atomic(using="system")
def create_user(*, tenant: Tenant, email: str, password: str, role: str = Role.USER, name: str = "") -> User:
    user = User(tenant=tenant, email=email.lower(), role=role, name=name)
    user.set_password(password)
    user.save(using="system")
    return user


def issue_key(
    *,
    user: User,
    name: str,
    scopes: frozenset[str] | None = None,
    expires_at: datetime | None = None,
    using: str = "system",
) -> IssuedKey:
    """A new key with the given scopes, by default all that the user's role has."""
    secret = "sk_" + secrets.token_hex(32)
    key = ApiKey.objects.using(using).create(
        tenant_id=user.tenant_id,
        user=user,
        name=name,
        key_prefix=secret[:8],
        key_sha256=key_hash(secret),
        scopes=sorted(scopes if scopes is not None else ROLE_SCOPES[user.role]),
        expires_at=expires_at,
    )
    return IssuedKey(key, secret)
