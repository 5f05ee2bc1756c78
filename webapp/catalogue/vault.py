"""Seals a tenant's key for a provider: a row that is copied to another tenant or provider does not open there."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from django.conf import settings

from webapp.common.encryption import Vault


@cache
def vault() -> Vault:
    return Vault(settings.ENCRYPTION_KEYS, purpose="provider keys")


def owner(tenant: UUID, provider: str) -> tuple[str, str]:
    return str(tenant), provider
