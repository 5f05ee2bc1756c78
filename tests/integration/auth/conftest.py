"""Each module signs in a cast of its own, and each test counts from nothing."""

from __future__ import annotations

import pytest

from tests.support.cast import Cast, make_cast
from webapp.orchestration.dispatch import redis
from webapp.tenants.models import SignInAttempt


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def _nothing_counts_from_before() -> None:
    """Neither failed attempts nor the calls of other tests, which come from the same network address."""
    SignInAttempt.objects.all().delete()
    for key in redis().scan_iter("hartley:rate:*"):
        redis().delete(key)
