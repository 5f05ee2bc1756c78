"""Django's Postgres backend, plus one guard: a tenant's table is only reachable inside a tenant scope.

Row-level security alone would answer such a query with an empty list, which hides the mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import UUID

from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from webapp.common.errors import TenantScopeMissing

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


@cache
def tenant_tables() -> re.Pattern[str]:
    """Matches any table name that row-level security protects, as the ORM quotes it."""
    from django.apps import apps  # the registry is not ready when the backend is imported

    names = [m._meta.db_table for m in apps.get_models() if getattr(m, "tenant_column", None)]
    return re.compile(r'"(' + "|".join(map(re.escape, names)) + r')"')


class DatabaseWrapper(PostgresWrapper):
    """
    Attributes:
        tenant: the tenant whose scope the current transaction is in, set by `tenant_scope` alone.
        unscoped: this connection belongs to a role that may see all tenants (owner, system).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant: UUID | None = None
        self.unscoped = self.alias != "default"
        self.execute_wrappers.append(self._guard)

    def _guard(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self.tenant is None and not self.unscoped and isinstance(sql, str):
            found = tenant_tables().search(sql)
            if found:
                raise TenantScopeMissing(table=found.group(1))
        return execute(sql, params, many, context)
