"""The tenant scope: the one way to reach a tenant's rows.

Knows no model. The database enforces the rest: see docs/adr/0002.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from django.db import connections, transaction

from webapp.common.errors import TenantScopeConflict
from webapp.common.postgres.base import DatabaseWrapper


@contextmanager
def tenant_scope(tenant_id: UUID) -> Iterator[None]:
    """
    Open a transaction in which only this tenant's rows exist.

    The setting is local to the transaction, so that a pooled connection never carries it on. A queryset
    that is evaluated after the scope raises `TenantScopeMissing`.
    """
    scoped = cast(DatabaseWrapper, connections["default"])
    if scoped.tenant is not None:
        if scoped.tenant != tenant_id:
            raise TenantScopeConflict("a scope of another tenant is open")
        with transaction.atomic():
            yield
        return
    with transaction.atomic():
        with scoped.cursor() as cursor:
            cursor.execute("SELECT set_config('hartley.tenant', %s, true)", [str(tenant_id)])
        scoped.tenant = tenant_id
        try:
            yield
        finally:
            scoped.tenant = None
