"""A tenant's own keys for providers: set, listed without their secrets, removed, read by workers."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db import transaction

from webapp.audit.services import record
from webapp.catalogue.models import ProviderKey
from webapp.catalogue.selectors import provider_names
from webapp.catalogue.vault import owner, vault
from webapp.common.errors import Invalid, NotFound
from webapp.common.tables import now
from webapp.tenants.models import User

PROVIDER = re.compile(r"[a-z][a-z0-9_-]{0,59}")
KEY = re.compile(r"[!-~]{8,500}")  # it travels in a header
TELLS = 16  # of a shorter key its last characters would tell too much


def keys_of(tenant: UUID) -> list[ProviderKey]:
    """By provider, without what is sealed."""
    return list(ProviderKey.objects.filter(tenant_id=tenant).defer("sealed").order_by("provider"))


def find_key(tenant: UUID, provider: str) -> ProviderKey:
    """
    Raises:
        NotFound
    """
    found = ProviderKey.objects.filter(tenant_id=tenant, provider=provider).defer("sealed").first()
    if found is None:
        raise NotFound("provider key")
    return found


@transaction.atomic
def set_key(*, actor: User, provider: Any, key: Any) -> ProviderKey:
    """
    In the place of the one that was there. Within the tenant's scope; no error's text has the key.

    Raises:
        Invalid: no such provider, or what can't be a key.
    """
    provider, key = check(provider=provider, key=key)
    sealed = vault().seal(key, owner=owner(actor.tenant_id, provider))
    told = {"sealed": sealed, "shown": key[-4:] if len(key) >= TELLS else "", "created_by": actor.email}
    saved, _ = ProviderKey.objects.update_or_create(
        tenant_id=actor.tenant_id, provider=provider, defaults={**told, "created_at": now()}
    )
    record(actor=actor, action="provider_key.set", subject=provider, detail={})
    return find_key(actor.tenant_id, saved.provider)


def check(*, provider: Any, key: Any) -> tuple[str, str]:
    """
    The two as they are kept. Before the first worker has told its catalogue any name of a provider will do.

    Raises:
        Invalid
    """
    known = provider_names()
    if not isinstance(provider, str) or not PROVIDER.fullmatch(provider) or (known and provider not in known):
        allowed = f"one of {', '.join(known)}" if known else "the name of a provider in the catalogue"
        raise Invalid(field="provider", message=f"must be {allowed}")
    if not isinstance(key, str) or not KEY.fullmatch(key.strip()):
        raise Invalid(field="key", message="must be 8 to 500 characters of ASCII without spaces")
    return provider, key.strip()


@transaction.atomic
def remove_key(*, actor: User, provider: str) -> None:
    """
    Within the tenant's scope.

    Raises:
        NotFound
    """
    find_key(actor.tenant_id, provider).delete()
    record(actor=actor, action="provider_key.removed", subject=provider, detail={})


def opened_keys(tenant: UUID) -> dict[str, str]:
    """
    By provider, as they are sent. Within the tenant's scope; for whoever makes the call.

    Raises:
        Unsealable
    """
    rows = ProviderKey.objects.filter(tenant_id=tenant).values_list("provider", "sealed")
    return {name: vault().open(bytes(sealed), owner=owner(tenant, name)) for name, sealed in rows}
