"""Workers tell which tools there are soon after their start, which tests wait for."""

from __future__ import annotations

import pytest

from tests.support.farm import Farm, eventually
from webapp.catalogue.selectors import tools_told


@pytest.fixture(scope="module", autouse=True)
def _told(connected: Farm) -> None:
    """That farm's own, with its marker tool."""
    eventually(lambda: "marker" in [tool["name"] for tool in tools_told().get("tools", [])])
