"""How deliveries are signed, and when they are tried again. Pure."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence

JITTER = 0.2


def signature(secret: str, *, message: str, at_s: int, body: bytes) -> str:
    """
    As the public specification Standard Webhooks has it, version 1.

    Args:
        secret: `whsec_` and base64.
        at_s: Unix seconds.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b"%b.%d.%b" % (message.encode(), at_s, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def signed_headers(secrets: Sequence[str], *, message: str, at_s: int, body: bytes) -> dict[str, str]:
    """Signed with each of the secrets, so that one can be replaced while receivers still know the other."""
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signature(each, message=message, at_s=at_s, body=body) for each in secrets),
    }


def retry_after_s(attempts: int, waits_s: Sequence[float], *, jitter: float) -> float | None:
    """
    How long to wait after so many failed tries; None when it is given up.

    Args:
        waits_s: before the second try, and each after it.
        jitter: from 0 to 1; moves the wait by a fifth either way, so that a receiver that was away isn't overrun.
    """
    if attempts > len(waits_s):
        return None
    return waits_s[attempts - 1] * (1 - JITTER + 2 * JITTER * jitter)
