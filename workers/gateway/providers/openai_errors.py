"""The OpenAI SDK's exceptions in our words."""

from __future__ import annotations

import openai

from workers.gateway.errors import ModelError
from workers.gateway.providers.failures import broken_off, by_cause, by_status


def translated(error: Exception, *, provider: str, text: str) -> ModelError:
    """
    Args:
        text: the error's own words, without secrets.
    """
    if isinstance(error, openai.APIStatusError):
        return by_status(error.status_code, error.response.headers, provider=provider, text=text)
    if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
        return broken_off(provider=provider, text=text)
    return by_cause(error, provider=provider)
