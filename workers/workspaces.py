"""The sweep of sessions' files, which the control worker does beside its steps."""

from __future__ import annotations

from typing import Any

import structlog

from webapp.workspaces.sweep import sweep
from workers import process
from workers.app import app
from workers.context import carried

log = structlog.get_logger()


@app.task(name="control.workspaces")
def workspaces(**_newer: Any) -> None:
    process.begin(_round)


async def _round() -> None:
    try:
        await carried(sweep)
    except Exception:
        log.exception("workspaces.sweep_failed")  # the next one comes in any case
