"""Why a model call failed: does another attempt make sense, may it have been billed, is the provider down?"""

from __future__ import annotations

from typing import ClassVar

from webapp.common.errors import HartleyError
from workers.gateway.types import Usage


class ModelError(HartleyError):
    """
    Attributes:
        kind: the class of error that decides on retries (network, timeout, resource); "" is never retried.
        outage: it speaks against the provider, so the breaker counts it.
        elsewhere: another model or provider may well answer the same request.
        sent: the provider may bill it: its hold settles at the worst case, or at `usage` when that is known.
        retry_after_s: what the provider asked for.
        usage: what the provider says it cost, although the reply is of no use.
    """

    code = "model.failed"
    kind: ClassVar[str] = ""
    outage: ClassVar[bool] = False
    elsewhere: ClassVar[bool] = False

    def __init__(
        self, message: str, *, sent: bool, retry_after_s: float | None = None, usage: Usage | None = None
    ) -> None:
        self.sent, self.retry_after_s, self.usage = sent, retry_after_s, usage
        super().__init__(message)


class ModelTimeout(ModelError):
    code = "model.timeout"
    kind = "timeout"
    retryable = True
    elsewhere = True
    outage = True


class ModelUnreachable(ModelError):
    """No connection, or one that broke off."""

    code = "model.unreachable"
    kind = "network"
    retryable = True
    elsewhere = True
    outage = True


class ModelOverloaded(ModelError):
    """5xx, or an error in the middle of an answer: the provider can't now."""

    code = "model.overloaded"
    kind = "resource"
    retryable = True
    elsewhere = True
    outage = True


class ModelRateLimited(ModelError):
    """
    429, or no turn came in time under our own limit. The provider works.

    Attributes:
        turn_in_s: when a turn under our own limit would have come; None: not known.
    """

    code = "model.rate_limited"
    kind = "resource"
    retryable = True
    elsewhere = True
    turn_in_s: float | None = None


class BreakerOpen(ModelError):
    """The provider has failed too often; nothing was sent."""

    code = "model.breaker_open"
    kind = "resource"
    retryable = True
    elsewhere = True


class ModelRefused(ModelError):
    """4xx: the same request will be refused again."""

    code = "model.refused"


class ModelCredentialsRefused(ModelRefused):
    """401 or 403: the operator's key is wrong, missing or not allowed to use the model."""

    code = "model.credentials_refused"
    elsewhere = True


class ModelGone(ModelRefused):
    """404: the provider has no model of this name, or has it no longer."""

    code = "model.gone"
    elsewhere = True


class ModelReplyInvalid(ModelError):
    """The answer holds neither text nor tool calls, or is not the JSON that was asked for."""

    code = "model.reply_invalid"
    kind = "reply"
    elsewhere = True


class ModelReplyMalformed(ModelReplyInvalid):
    """What came back is no chat completion."""

    code = "model.reply_malformed"
    outage = True


class NoModel(ModelError):
    """No configured provider has a model that fits; nothing was sent."""

    code = "model.none_configured"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class PriceUnknown(HartleyError):
    """No price, no call. The message says how to give one."""

    code = "model.price_unknown"


class CatalogueInvalid(HartleyError):
    """The message names the key in the catalogue, and the variable when the value came from one."""

    code = "catalogue.invalid"
