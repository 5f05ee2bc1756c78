"""The prompt templates that a task is pinned to, kept in memory: a version never changes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from uuid import UUID

from webapp.prompts.release import all_shipped
from webapp.prompts.selectors import text_of

KEPT = 256  # versions, of all tenants


def pinned(tenant: UUID, versions: Mapping[str, int]) -> dict[str, str]:
    """
    By name; the shipped text where the tenant had none of its own. Within the tenant's scope.

    Raises:
        NotFound: a version that never was.
    """
    return all_shipped() | {name: _text(tenant, name, version) for name, version in versions.items()}


@lru_cache(maxsize=KEPT)
def _text(tenant: UUID, name: str, version: int) -> str:
    return text_of(tenant, name, version)
