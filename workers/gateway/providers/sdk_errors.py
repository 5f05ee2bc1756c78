"""The official SDKs' exceptions in our words. They are made alike: the same names, one tree for each.

Below the SDK is aiohttp, whose exceptions tell more: a refused connection, for one, reaches us as a timeout of the
SDK's. So what is at the bottom decides.
"""

from __future__ import annotations

import aiohttp
import anthropic
import openai

from workers.gateway.errors import (
    ModelCredentialsRefused,
    ModelError,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
)

MESSAGE_CHARS = 300
UNBILLED = {500, 503, 529}  # other 5xx come from something in between: the model may have worked
StatusError = openai.APIStatusError | anthropic.APIStatusError
STATUS_ERRORS = (openai.APIStatusError, anthropic.APIStatusError)
API_ERRORS = (openai.APIError, anthropic.APIError)
CONNECTION_ERRORS = (openai.APIConnectionError, anthropic.APIConnectionError)
NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


def translated(error: Exception, *, provider: str, secret: str | None) -> ModelError:
    """
    Args:
        secret: never part of the message, even when the provider repeats it.
    """
    if isinstance(error, STATUS_ERRORS):
        return _by_status(error, provider, f"{provider}: {_shown(error, secret)}")
    if isinstance(error, API_ERRORS) and not isinstance(error, CONNECTION_ERRORS):
        return ModelOverloaded(f"{provider} broke off with an error: {_shown(error, secret)}", sent=True)
    return _by_cause(error, provider)


def _by_status(error: StatusError, provider: str, text: str) -> ModelError:
    status = error.status_code
    if status == 200:  # an error in the middle of a stream
        return ModelOverloaded(text, sent=True)
    if status == 429:
        return ModelRateLimited(text, sent=False, retry_after_s=_retry_after_s(error))
    if status >= 500:
        return ModelOverloaded(text, sent=status not in UNBILLED, retry_after_s=_retry_after_s(error))
    if status in (401, 403):
        message = f"{provider} refused the configured credentials ({status})"
        return ModelCredentialsRefused(message, sent=False)
    return ModelRefused(text, sent=False)


def _by_cause(error: Exception, provider: str) -> ModelError:
    cause = _bottom(error)
    if isinstance(cause, NEVER_CONNECTED):
        return ModelUnreachable(f"{provider} can't be reached", sent=False)
    if isinstance(cause, TimeoutError):
        return ModelTimeout(f"{provider} did not answer in time", sent=True)
    return ModelUnreachable(f"{provider} broke the connection", sent=True)


def _bottom(error: BaseException) -> BaseException:
    """The first aiohttp error down the chain of causes (below it are sockets'), else the last cause."""
    while error.__cause__ and not isinstance(error, aiohttp.ClientError):
        error = error.__cause__
    return error


def _shown(error: Exception, secret: str | None) -> str:
    text = str(error)
    return (text.replace(secret, "***") if secret else text)[:MESSAGE_CHARS]


def _retry_after_s(error: StatusError) -> float | None:
    """In seconds only; a date is as good as nothing, since clocks differ."""
    try:
        asked = float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return asked if 0 <= asked < float("inf") else None
