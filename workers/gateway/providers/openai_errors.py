"""The OpenAI SDK's exceptions in our words."""

from __future__ import annotations

import openai

from workers.gateway.errors import ModelError
from workers.gateway.providers.failures import broken_off, by_cause, by_status, shown


def translated(error: Exception, *, provider: str, secret: str | None) -> ModelError:
    """
    Args:
        secret: never part of the message, even when the provider repeats it.
    """
    text = shown(error, secret)
    if isinstance(error, openai.APIStatusError):
        return by_status(error.status_code, error.response.headers, provider=provider, text=text)
    if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
        return broken_off(provider=provider, text=text)
    return by_cause(error, provider=provider)
