"""The cast, and farms of real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cast import Cast, make_cast
from tests.support.farm import Farm
from tests.support.services import Services


@pytest.fixture(scope="session")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def farm(services: Services, sandbox_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """No model key is set: the offline provider answers."""
    running = Farm(services, {}, tmp_path_factory.mktemp("farm"))
    try:
        running.start()
        yield running
    finally:
        running.stop()
