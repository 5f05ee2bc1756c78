"""How far requests to addresses that people name may go, from the settings."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from webapp.common.addresses import Reach


@cache
def reach() -> Reach:
    try:
        return Reach.of(ports=settings.EGRESS_PORTS, plain_http=settings.EGRESS_PLAIN_HTTP, allow=settings.EGRESS_ALLOW)
    except ValueError as error:
        raise ImproperlyConfigured(f"HARTLEY_EGRESS_ALLOW: {error}") from None
