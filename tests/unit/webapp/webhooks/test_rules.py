"""Signatures as the public specification has them, and when a delivery is tried again."""

from __future__ import annotations

import pytest

from webapp.config import settings
from webapp.webhooks.rules import retry_after_s, signature, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, AT_S, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="  # published with the specification's libraries


def test_the_signature_is_the_published_one() -> None:
    assert signature(SECRET, message=MESSAGE, at_s=AT_S, body=BODY) == SIGNED


def test_each_secret_signs() -> None:
    headers = signed_headers([SECRET, "whsec_AAAA"], message=MESSAGE, at_s=AT_S, body=BODY)
    assert headers["webhook-signature"].split(" ")[0] == SIGNED and headers["webhook-signature"].count("v1,") == 2
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (MESSAGE, str(AT_S))


@pytest.mark.parametrize(
    ("attempts", "jitter", "wait_s"), [(1, 0.5, 10), (1, 0.0, 8), (1, 1.0, 12), (2, 0.5, 100), (3, 0.5, None)]
)
def test_the_waits_grow_spread_and_end(attempts: int, jitter: float, wait_s: float | None) -> None:
    assert retry_after_s(attempts, [10, 100], jitter=jitter) == pytest.approx(wait_s)


def test_as_set_out_of_the_box_ten_tries_take_about_a_day() -> None:
    assert len(settings.WEBHOOK_RETRIES_S) + 1 == 10
    assert 20 * 3600 < sum(settings.WEBHOOK_RETRIES_S) < 28 * 3600
