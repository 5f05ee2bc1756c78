"""The one cast of the tests: tenant Acme with a person of each role, tenant Globex with a stranger."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from uuid import uuid4

from django.contrib.auth.hashers import make_password

from webapp.common.tenancy import tenant_scope
from webapp.tenants.models import Role, Tenant, User
from webapp.tenants.rules import Principal
from webapp.tenants.selectors import principal_of_key
from webapp.tenants.services import create_tenant, issue_key

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    user: User
    api_key: str
    principal: Principal


@dataclass(frozen=True)
class Cast:
    acme: Tenant
    globex: Tenant
    owner: Person
    admin: Person
    operator: Person
    user: Person
    stranger: Person


@cache
def _hashed() -> str:
    """Hashing is slow by design, and all of them have the same password."""
    return make_password(PASSWORD)


def person(tenant: Tenant, name: str, role: str) -> Person:
    email = f"{name}-{uuid4().hex[:8]}@example.com"
    user = User(tenant=tenant, email=email, role=role, name=name, password=_hashed())
    user.save(using="system")
    issued = issue_key(user=user, name="test")
    principal = principal_of_key(issued.secret)
    assert principal is not None
    return Person(user, issued.secret, principal)


def make_cast() -> Cast:
    acme = create_tenant(name="Acme", tier="enterprise", session_tokens=2_000_000)
    globex = create_tenant(name="Globex", tier="enterprise", session_tokens=2_000_000)
    return Cast(
        acme=acme,
        globex=globex,
        owner=person(acme, "owner", Role.OWNER),
        admin=person(acme, "admin", Role.ADMIN),
        operator=person(acme, "operator", Role.OPERATOR),
        user=person(acme, "user", Role.USER),
        stranger=person(globex, "stranger", Role.OWNER),
    )


def operate_platform(tenant: Tenant, does: bool = True) -> None:
    """From now on it runs the platform, or no longer does: the catalogue of models, Flower, what all tenants share."""
    tenant.operates_platform = does
    with tenant_scope(tenant.id):
        tenant.save(update_fields=["operates_platform"])
