"""schemathesis asks every operation of the OpenAPI document for odd things, as each role: never a server error."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error

from tests.support.cast import Cast, make_cast

schema = schemathesis.openapi.from_wsgi("/openapi.json", get_wsgi_application()).exclude(path="/readiness")
UNLIMITED = dict.fromkeys(settings.RATE_LIMITS, (10**6, 10**6, 10**6))


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.mark.parametrize("role", ["nobody", "user", "operator", "admin", "owner", "stranger"])
@schema.parametrize()
@hypothesis_settings(
    max_examples=4,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_an_odd_request_is_refused_and_breaks_nothing(case: Any, role: str, cast: Cast) -> None:
    headers = {} if role == "nobody" else {"X-API-Key": getattr(cast, role).api_key}
    with override_settings(RATE_LIMITS=UNLIMITED):
        case.call_and_validate(headers=headers, checks=(not_a_server_error,))
