"""A clean model server for each test."""

from __future__ import annotations

import pytest

from tests.support.model_server import ModelServer


@pytest.fixture(autouse=True)
def _fresh(model_server: ModelServer) -> None:
    model_server.reset()
