"""A webhook's secret: made, sealed for its tenant and webhook, opened by whoever signs."""

from __future__ import annotations

import base64
import secrets
from functools import cache
from uuid import UUID

from django.conf import settings

from webapp.common.encryption import Vault

PREFIX = "whsec_"
SECRET_BYTES = 32


@cache
def vault() -> Vault:
    return Vault(settings.ENCRYPTION_KEYS, purpose="webhook secrets")


def owner(tenant: UUID, webhook: UUID) -> tuple[str, str]:
    return str(tenant), str(webhook)


def make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(secret: str, *, tenant: UUID, webhook: UUID) -> bytes:
    return vault().seal(secret, owner=owner(tenant, webhook))


def opened(sealed: bytes, *, tenant: UUID, webhook: UUID) -> str:
    """
    Raises:
        Unsealable
    """
    return vault().open(bytes(sealed), owner=owner(tenant, webhook))
