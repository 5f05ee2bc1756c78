"""How far agents may read, and from where a task's data may be fetched, from the settings."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from webapp.common.addresses import Reach


@cache
def web_reach() -> Reach:
    """Apart from that of webhooks: an inner receiver that may be told of alerts is none that agents may read."""
    try:
        return Reach.of(ports=settings.WEB_PORTS, plain_http=True, allow=settings.WEB_ALLOW)
    except ValueError as error:
        raise ImproperlyConfigured(f"HARTLEY_WEB_ALLOW: {error}") from None
