"""A person's own API keys: made with no more rights than the maker has, shown once, switched off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from webapp.common.errors import HartleyError, Invalid, NotFound
from webapp.common.tenancy import tenant_scope
from webapp.tenants.models import ApiKey, User
from webapp.tenants.rules import Principal
from webapp.tenants.selectors import keys_of
from webapp.tenants.services import IssuedKey, issue_key

NAME_LIMIT = 100


class KeyNotAllowed(HartleyError):
    """A key may only make or end keys when it was given that right."""

    code = "forbidden"
    status = 403

    def __init__(self) -> None:
        super().__init__("This key lacks the scope api_keys:manage; sign in, or use a key that has it")


def visible_keys(who: Principal) -> list[ApiKey]:
    """Within the tenant's scope."""
    return list(keys_of(who.tenant_id, None if "api_keys:manage" in who.scopes else who.user_id))


def create_key(*, who: Principal, name: Any, scopes: Any = None, expires_in_days: Any = None) -> IssuedKey:
    """
    Raises:
        Invalid: a name, scope or time that can't be; scopes that the caller doesn't have; one key too many.
        KeyNotAllowed
    """
    _check_maker(who)
    if not isinstance(name, str) or not name.strip() or len(name) > NAME_LIMIT or "\0" in name:
        raise Invalid(field="name", message=f"must have 1 to {NAME_LIMIT} characters")
    wanted = _scopes(who, scopes)
    expires_at = _expiry(expires_in_days)
    with tenant_scope(who.tenant_id):
        user = User.objects.select_for_update(no_key=True).get(id=who.user_id)  # two at once would pass the limit
        _check_room(user)
        expires_at = _no_longer_than_the_makers(who, expires_at)
        return issue_key(user=user, name=name.strip(), scopes=wanted, expires_at=expires_at, using="default")


def revoke_key(*, who: Principal, key: str) -> ApiKey:
    """
    Raises:
        NotFound: also for another's key.
        KeyNotAllowed
    """
    _check_maker(who)
    owner = None if "api_keys:manage" in who.scopes else who.user_id
    with tenant_scope(who.tenant_id):
        try:
            found = keys_of(who.tenant_id, owner).filter(id=UUID(key), is_active=True).first()
        except ValueError:
            found = None
        if found is None:
            raise NotFound("API key")
        ApiKey.objects.filter(id=found.id).update(is_active=False)
    return found


def replace_key(*, who: Principal) -> IssuedKey:
    """A new key in the place of the one that was used, which ends."""
    if who.key_id is None:
        raise Invalid(field="credential", message="must be an API key")
    with tenant_scope(who.tenant_id):
        old = ApiKey.objects.select_related("user").get(id=who.key_id)
        ApiKey.objects.filter(id=old.id).update(is_active=False)
        scopes = frozenset(old.scopes)
        return issue_key(user=old.user, name=old.name, scopes=scopes, expires_at=old.expires_at, using="default")


def _check_maker(who: Principal) -> None:
    if who.key_id is not None and "api_keys:manage" not in who.scopes:
        raise KeyNotAllowed


def _check_room(user: User) -> None:
    """Each key has a rate limit of its own, so without end of keys there was none."""
    in_force = ApiKey.objects.filter(user=user, is_active=True).exclude(expires_at__lt=datetime.now(UTC))
    if in_force.count() >= settings.KEYS_PER_PERSON:
        message = f"{settings.KEYS_PER_PERSON} keys of yours are in force, as many as may; revoke one first"
        raise Invalid(field="name", message=message)


def _scopes(who: Principal, given: Any) -> frozenset[str]:
    if given is None:
        return who.scopes
    if not isinstance(given, list) or not given or not all(isinstance(scope, str) for scope in given):
        raise Invalid(field="scopes", message="must be a list with at least one scope")
    if missing := sorted(set(given) - who.scopes):
        raise Invalid(field="scopes", message=f"you don't have {', '.join(missing)[:200]}")
    return frozenset(given)


def _expiry(days: Any) -> datetime | None:
    if days in (None, ""):
        return None
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= 3650:
        raise Invalid(field="expires_in_days", message="must be a whole number from 1 to 3650")
    return datetime.now(UTC) + timedelta(days=days)


def _no_longer_than_the_makers(who: Principal, wanted: datetime | None) -> datetime | None:
    """A key that ends can't make one that outlives it."""
    own = ApiKey.objects.get(id=who.key_id).expires_at if who.key_id else None
    return own if own and (wanted is None or wanted > own) else wanted
