"""Keepers of the real image that must leave nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from sandbox.keeper import Keeper
from sandbox.limits import Limits

LIMITS = Limits(wall_s=2.0, grace_s=1.0)


@pytest.fixture
async def keeper(sandbox_image: Path, tmp_path: Path) -> AsyncIterator[Keeper]:
    running = Keeper(image=sandbox_image, size=2, limits=LIMITS, scratch=tmp_path)
    await running.start()
    pids = running.pids()
    yield running
    pids += running.pids()
    await running.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert list(tmp_path.iterdir()) == []
