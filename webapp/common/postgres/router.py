"""One database under three roles: only the owner migrates, whatever alias asks."""

from __future__ import annotations

from typing import Any


class OneDatabase:
    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        return True  # the aliases are roles on the same rows
