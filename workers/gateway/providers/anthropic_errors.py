"""The Anthropic SDK's exceptions in our words."""

from __future__ import annotations

import anthropic

from workers.gateway.errors import ModelError
from workers.gateway.providers.failures import broken_off, by_cause, by_status


def translated(error: Exception, *, provider: str, text: str) -> ModelError:
    """
    An error event in a stream comes as a status error too, with the status that the stream began with.

    Args:
        text: the error's own words, without secrets.
    """
    if isinstance(error, anthropic.APIStatusError) and error.status_code >= 300:
        return by_status(error.status_code, error.response.headers, provider=provider, text=text)
    if isinstance(error, anthropic.APIError) and not isinstance(error, anthropic.APIConnectionError):
        return broken_off(provider=provider, text=text)
    return by_cause(error, provider=provider)
