"""A farm whose streams lose their patience soon."""

from __future__ import annotations

import pytest

from tests.support.farm import Farm
from tests.support.standing import Standing

SOCKETS = 20  # of one user


@pytest.fixture(scope="session")
def streaming() -> dict[str, str]:
    return {
        "HARTLEY_SEND_S": "1",
        "HARTLEY_RECHECK_S": "0.3",
        "HARTLEY_SSE_PING_S": "0.5",
        "HARTLEY_SOCKETS_PER_USER": str(SOCKETS),
    }


@pytest.fixture(scope="module")
def farm(standing: Standing, streaming: dict[str, str]) -> Farm:
    return standing.ask(streaming)
