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
from webapp.tenants.selectors import principal_of_user, signed_in_user

ISSUER = "hartley"
ALGORITHM = "HS256"
CLAIMS = ["sub", "tenant_id", "sid", "iss", "jti", "nbf", "iat", "exp"]


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


def issue_tokens(*, principal: Principal) -> Tokens:
    """A pair for a person who has signed in, the first of its family; what has expired is cleared away."""
    with tenant_scope(principal.tenant_id):
        RefreshToken.objects.filter(user_id=principal.user_id, expires_at__lt=datetime.now(UTC)).delete()
        return _issue(principal, uuid4())


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
    with tenant_scope(found[0]):  # what a reuse revokes must stay revoked: the error is raised outside
        spent = _spend(found[1])
    if spent is None:
        raise InvalidRefreshToken
    return spent


def end_sign_ins(*, user: User) -> None:
    """Within the tenant's scope, after a change of the person's row: no token from before opens anything."""
    RefreshToken.objects.filter(user=user, revoked_at=None).update(revoked_at=datetime.now(UTC))


def _spend(token_id: UUID) -> tuple[Principal, Tokens] | None:
    """
    Spend it and issue the next, under the lock of the person's row: of two uses at once one waits, sees all that the
    other wrote, and is a reuse. A change of password takes the same lock first.
    """
    token = RefreshToken.objects.filter(id=token_id).first()
    if token is None:
        return None
    user = User.objects.select_for_update(no_key=True).get(id=token.user_id)
    at = datetime.now(UTC)
    valid = RefreshToken.objects.filter(id=token_id, revoked_at=None, expires_at__gt=at)
    if not valid.filter(spent_at=None).update(spent_at=at):
        if valid.exists():
            RefreshToken.objects.filter(family=token.family, revoked_at=None).update(revoked_at=at)
        return None
    if not user.is_active or not user.tenant.is_active:
        return None
    principal = principal_of_user(user)
    return principal, _issue(principal, token.family)


def _issue(principal: Principal, family: UUID) -> Tokens:
    refresh = secrets.token_urlsafe(48)
    RefreshToken.objects.create(
        tenant_id=principal.tenant_id,
        user_id=principal.user_id,
        family=family,
        token_sha256=_hash(refresh),
        expires_at=datetime.now(UTC) + timedelta(seconds=settings.REFRESH_TOKEN_S),
    )
    return Tokens(_access(principal, family), refresh, settings.ACCESS_TOKEN_S)


def principal_of_access_token(raw: str) -> Principal | None:
    """
    The person and their sign-in are read anew: a role that was taken, a person switched off, a stolen refresh token
    and a new password count at once.
    """
    try:
        claims = jwt.decode(raw, _key(), algorithms=[ALGORITHM], issuer=ISSUER, options={"require": CLAIMS})
        tenant, user_id, family = (UUID(claims[name]) for name in ("tenant_id", "sub", "sid"))
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        return None
    user = signed_in_user(tenant, user_id, family)
    return principal_of_user(user) if user else None


def _access(principal: Principal, family: UUID) -> str:
    at = datetime.now(UTC)
    claims = {
        "sub": str(principal.user_id),
        "tenant_id": str(principal.tenant_id),
        "username": principal.email,
        "email": principal.email,
        "role": principal.role,
        "scopes": sorted(principal.scopes),
        "iss": ISSUER,
        "sid": str(family),
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
