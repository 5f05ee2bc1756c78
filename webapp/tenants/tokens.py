"""Access tokens (JWT, half an hour) and refresh tokens (opaque, thirty days, spent by each use)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import jwt
from django.conf import settings
from django.db import connections

from webapp.common.errors import HartleyError
from webapp.common.tenancy import tenant_scope
from webapp.tenants.models import RefreshToken, User
from webapp.tenants.rules import Principal
from webapp.tenants.selectors import find_user, principal_of_user

ISSUER = "hartley"
ALGORITHM = "HS256"
CLAIMS = ["sub", "tenant_id", "iss", "jti", "nbf", "iat", "exp"]


class InvalidRefreshToken(HartleyError):
    """Unknown, expired, revoked, or spent before: then all that came from the same sign-in is revoked too."""

    code = "invalid_refresh_token"
    status = 401

    def __init__(self) -> None:
        super().__init__("The refresh token is not valid; sign in again")


@dataclass(frozen=True)
class Tokens:
    access: str
    refresh: str
    expires_in_s: int


def issue_tokens(*, principal: Principal, family: UUID | None = None) -> Tokens:
    """A pair for a person who has signed in (a new family), or who has spent a refresh token (its family)."""
    refresh = secrets.token_urlsafe(48)
    with tenant_scope(principal.tenant_id):
        RefreshToken.objects.create(
            tenant_id=principal.tenant_id,
            user_id=principal.user_id,
            family=family or uuid4(),
            token_sha256=_hash(refresh),
            expires_at=datetime.now(UTC) + timedelta(seconds=settings.REFRESH_TOKEN_S),
        )
    return Tokens(_access(principal), refresh, settings.ACCESS_TOKEN_S)


def spend_refresh_token(*, refresh: str) -> tuple[Principal, Tokens]:
    """
    Raises:
        InvalidRefreshToken
    """
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT tenant_id, token_id FROM refresh_token_owner(%s)", [_hash(refresh)])
        found = cursor.fetchone()
    if found is None:
        raise InvalidRefreshToken
    tenant, token_id = found
    token = _spend(tenant, token_id)
    user = find_user(tenant, token.user_id) if token else None
    if token is None or user is None:
        raise InvalidRefreshToken
    principal = principal_of_user(user)
    return principal, issue_tokens(principal=principal, family=token.family)


def _spend(tenant: UUID, token_id: UUID) -> RefreshToken | None:
    """Two uses at once: one wins, and the other is a reuse."""
    at = datetime.now(UTC)
    with tenant_scope(tenant):
        token = RefreshToken.objects.get(id=token_id)
        fresh = RefreshToken.objects.filter(id=token_id, spent_at=None, revoked_at=None, expires_at__gt=at)
        if fresh.update(spent_at=at):
            return token
        if token.revoked_at is None and token.expires_at > at:
            RefreshToken.objects.filter(family=token.family, revoked_at=None).update(revoked_at=at)
        return None


def principal_of_access_token(raw: str) -> Principal | None:
    """The person is read anew: a role that was taken or a person switched off counts at once."""
    try:
        claims = jwt.decode(raw, _key(), algorithms=[ALGORITHM], issuer=ISSUER, options={"require": CLAIMS})
        tenant, user_id = UUID(claims["tenant_id"]), UUID(claims["sub"])
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        return None
    user: User | None = find_user(tenant, user_id)
    return principal_of_user(user) if user else None


def _access(principal: Principal) -> str:
    at = datetime.now(UTC)
    claims = {
        "sub": str(principal.user_id),
        "tenant_id": str(principal.tenant_id),
        "username": principal.email,
        "email": principal.email,
        "role": principal.role,
        "scopes": sorted(principal.scopes),
        "iss": ISSUER,
        "jti": str(uuid4()),
        "iat": at,
        "nbf": at,
        "exp": at + timedelta(seconds=settings.ACCESS_TOKEN_S),
    }
    return jwt.encode(claims, _key(), algorithm=ALGORITHM)


def _key() -> bytes:
    """Of its own for this purpose: what is signed for sessions can't pass for a token."""
    return hmac.new(settings.SECRET_KEY.encode(), b"hartley access tokens", hashlib.sha256).digest()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
