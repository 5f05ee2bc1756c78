"""The one cast of the tests: tenant Acme with a person of each role, tenant Globex with a stranger."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from webapp.tenants.models import Role, Tenant, User
from webapp.tenants.rules import Principal
from webapp.tenants.selectors import principal_of_key
from webapp.tenants.services import create_tenant, create_user, issue_key

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


def person(tenant: Tenant, name: str, role: str) -> Person:
    email = f"{name}-{uuid4().hex[:8]}@example.com"
    user = create_user(tenant=tenant, email=email, password=PASSWORD, role=role, name=name)
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
