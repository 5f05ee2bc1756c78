"""Forgets files whose time is over, and bytes that no file has. For a worker: it looks over all tenants."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django.db import connections

from webapp.workspaces import blobs

log = structlog.get_logger()
AT_ONCE = 200
GRACE_S = 3600.0  # longer than a change takes from its first byte to its commit, and a run to read all files


def sweep(*, grace_s: float = GRACE_S) -> None:
    """Some at a time; two at once share the work."""
    _rows("workspaces_forget(%s, %s)", settings.WORKSPACE_KEEP_S, AT_ONCE)
    for tenant, blob in _rows("workspaces_loose_blobs(%s, %s)", grace_s, AT_ONCE):
        try:
            blobs.remove(tenant, blob)
        except Exception:  # of the store; the next round tries it again, and the others must not wait for it
            log.exception("workspace.blob_not_removed", blob=blob)


def _rows(call: str, *params: Any) -> list[tuple[Any, ...]]:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"SELECT * FROM {call}", params)
        return cursor.fetchall()
