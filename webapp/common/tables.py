"""The base of every model that belongs to a tenant, and the migration operation that closes its table."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.migrations.operations import RunSQL
from django.db.models import Func


def uuid7() -> Func:
    """Time-ordered ids, made by Postgres 18."""
    return Func(function="uuidv7", output_field=models.UUIDField())


def now() -> Func:
    """The database's own clock: the only clock that leases, holds and events know."""
    return Func(function="clock_timestamp", output_field=models.DateTimeField())


class TenantModel(models.Model):
    """A row of one tenant. `tenant_column` is what its row-level security compares."""

    tenant_column: ClassVar[str] = "tenant_id"
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True


class EngineModel(TenantModel):
    """
    A row that only the engine writes, under its task's lock and with its task's tenant.

    So the database need not look both up again for each of many rows: those checks were a fifth of a turn's time. Nor
    has it an index of each for itself: every such table has one that begins with the task.
    """

    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    task = models.ForeignKey(
        "agent_tasks.Task", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        abstract = True


def close_to_others(table: str, column: str = "tenant_id") -> RunSQL:
    """Row-level security, enabled and forced, with the one policy text, for reading and writing."""
    own = f"{column} = NULLIF(current_setting('hartley.tenant', true), '')::uuid"
    return RunSQL(
        [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY own_tenant ON {table} USING ({own}) WITH CHECK ({own})",
        ],
        [
            f"DROP POLICY own_tenant ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ],
    )
