"""Seals what a tenant signs in with at a source: a row that is copied to another tenant or source does not open there."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from django.conf import settings

from webapp.common.encryption import Vault


@cache
def vault() -> Vault:
    return Vault(settings.ENCRYPTION_KEYS, purpose="tool sources")


def owner(tenant: UUID, source: str) -> tuple[str, str]:
    """Args: source: its name."""
    return str(tenant), source
