"""The base of every failure we foresee. Each carries a stable `code` for clients and says whose doing it is."""

from __future__ import annotations

from typing import ClassVar


class HartleyError(Exception):
    """
    Attributes:
        code: stable, for machines, e.g. `budget.exceeded`.
        status: the HTTP status that the API answers with.
        retryable: the same attempt may succeed later.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False


class Invalid(HartleyError):
    """The caller's input breaks a rule; the message names the field and the limit."""

    code = "invalid"
    status = 400

    def __init__(self, *, field: str, message: str) -> None:
        self.field = field
        super().__init__(f"{field}: {message}")


class NotFound(HartleyError):
    """It does not exist, or it is someone else's: from outside that is the same."""

    code = "not_found"
    status = 404

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} not found")


class Conflict(HartleyError):
    """The request is right, but not in the state that the thing is in."""

    code = "conflict"
    status = 409


class TenantScopeMissing(HartleyError):
    """A tenant's table was queried outside `tenant_scope`: our bug, never an empty list."""

    code = "tenant.scope_missing"

    def __init__(self, *, table: str) -> None:
        self.table = table
        super().__init__(f"{table} was queried outside a tenant scope")


class TenantScopeConflict(HartleyError):
    """A scope for one tenant was opened inside the scope of another."""

    code = "tenant.scope_conflict"
