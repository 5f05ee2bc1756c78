"""Why a model call failed: whether another attempt makes sense, and whether it may have been billed."""

from __future__ import annotations

from webapp.common.errors import HartleyError


class ModelError(HartleyError):
    """
    Attributes:
        kind: the class of error that decides on retries (network, timeout, resource), or "".
        sent: the provider may bill it, so its hold settles at the worst case.
        retry_after_s: what the provider asked for.
    """

    code = "model.failed"
    kind = ""

    def __init__(self, message: str, *, sent: bool, retry_after_s: float | None = None) -> None:
        self.sent, self.retry_after_s = sent, retry_after_s
        super().__init__(message)


class ModelTimeout(ModelError):
    code = "model.timeout"
    kind = "timeout"


class ModelUnreachable(ModelError):
    code = "model.unreachable"
    kind = "network"


class ModelOverloaded(ModelError):
    """429 or 5xx: the provider answered that it can't now."""

    code = "model.overloaded"
    kind = "resource"


class ModelRefused(ModelError):
    """4xx: the same request will be refused again."""

    code = "model.refused"


class ModelReplyInvalid(ModelError):
    """The answer is empty or is no chat completion."""

    code = "model.reply_invalid"


class BreakerOpen(ModelError):
    code = "model.breaker_open"
    kind = "resource"


class PriceUnknown(HartleyError):
    """No price, no call: see `prices` in catalogue.yaml."""

    code = "model.price_unknown"


class NoModel(HartleyError):
    code = "model.none_configured"


class CatalogueInvalid(HartleyError):
    """The message names the key in catalogue.yaml."""

    code = "catalogue.invalid"
