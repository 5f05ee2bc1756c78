"""The tenant scope: the one way to reach a tenant's rows.

Knows no model. The database enforces the rest: see docs/adr/0002.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
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


def one_statement(tenant_id: UUID, sql: str, params: Sequence[Any]) -> tuple[Any, ...] | None:
    """
    The first row of a single statement in a scope and a transaction of its own, in one exchange with the database.

    For what every request asks. What the statement locks is let go by the database itself as soon as it has committed:
    with a commit sent from here, a busy process would hold it for as long as it takes to get to that.
    """
    scoped = cast(DatabaseWrapper, connections["default"])
    if scoped.in_atomic_block:
        with tenant_scope(tenant_id), scoped.cursor() as cursor:
            cursor.execute(sql, params)
            return cast("tuple[Any, ...] | None", cursor.fetchone())
    return _exchange("SELECT set_config('hartley.tenant', %s, true)", [str(tenant_id)], sql, params)


def one_statement_of_owner(owner: str, secret: bytes, sql: str) -> tuple[Any, ...] | None:
    """
    The same for who presents a secret, which is the statement's one parameter, too: the database's function `owner` says
    whose tenant that is. None for a secret that is nobody's.
    """
    scoped = cast(DatabaseWrapper, connections["default"])
    if scoped.in_atomic_block:
        with scoped.cursor() as cursor:
            cursor.execute(f"SELECT tenant_id FROM {owner}(%s)", [secret])
            found = cursor.fetchone()
        return one_statement(found[0], sql, [secret]) if found else None
    scope = f"SELECT set_config('hartley.tenant', tenant_id::text, true) FROM {owner}(%s)"
    return _exchange(scope, [secret], sql, [secret])


def _exchange(scope: str, whose: Sequence[Any], sql: str, params: Sequence[Any]) -> tuple[Any, ...] | None:
    """Two statements in one message are one transaction."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"{scope}; {sql}", [*whose, *params])
        cursor.nextset()
        return cast("tuple[Any, ...] | None", cursor.fetchone())
