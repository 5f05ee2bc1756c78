"""What went wrong on the wire, in our words: by HTTP status, or by what is at the bottom of the SDK's exception.

Below the SDKs is aiohttp, whose exceptions tell more: a refused connection, for one, reaches us as a timeout of the
SDK's. So what is at the bottom decides.
"""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from workers.gateway.errors import (
    ModelCredentialsRefused,
    ModelError,
    ModelGone,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
)

MESSAGE_CHARS = 300
UNBILLED = {500, 503, 529}  # other 5xx come from something in between: the model may have worked
NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


def by_status(status: int, headers: Mapping[str, str], *, provider: str, text: str) -> ModelError:
    """Of an answer that is an error from its start."""
    text = f"{provider}: {text}"
    if status == 429:
        return ModelRateLimited(text, sent=False, retry_after_s=_retry_after_s(headers))
    if status >= 500:
        return ModelOverloaded(text, sent=status not in UNBILLED, retry_after_s=_retry_after_s(headers))
    if status in (401, 403):
        message = f"{provider} refused the configured credentials ({status})"
        return ModelCredentialsRefused(message, sent=False)
    if status == 404:
        return ModelGone(text, sent=False)
    return ModelRefused(text, sent=False)


def broken_off(*, provider: str, text: str) -> ModelError:
    """An error in the middle of an answer."""
    return ModelOverloaded(f"{provider} broke off with an error: {text}", sent=True)


def by_cause(error: Exception, *, provider: str) -> ModelError:
    """Without an answer."""
    cause = _bottom(error)
    if isinstance(cause, NEVER_CONNECTED):
        return ModelUnreachable(f"{provider} can't be reached", sent=False)
    if isinstance(cause, TimeoutError):
        return ModelTimeout(f"{provider} did not answer in time", sent=True)
    return ModelUnreachable(f"{provider} broke the connection", sent=True)


def shown(error: Exception, *secrets: str | None) -> str:
    """
    Args:
        secrets: never part of it, even when the provider repeats them.
    """
    text = str(error)
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text[:MESSAGE_CHARS]


def _bottom(error: BaseException) -> BaseException:
    """The first aiohttp error down the chain of causes (below it are sockets'), else the last cause."""
    while error.__cause__ and not isinstance(error, aiohttp.ClientError):
        error = error.__cause__
    return error


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """In seconds only; a date is as good as nothing, since clocks differ."""
    try:
        asked = float(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return asked if 0 <= asked < float("inf") else None
