"""A newcomer makes a tenant of their own, of the free tier, and owns it."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from webapp.common.errors import HartleyError, Invalid
from webapp.tenants.models import Role, Tier, User
from webapp.tenants.rules import Principal
from webapp.tenants.selectors import principal_of_user
from webapp.tenants.services import create_tenant, create_user, issue_key


class RegistrationFailed(HartleyError):
    """Registration is closed, or the address is taken: which of them stays unsaid."""

    code = "registration_failed"
    status = 400

    def __init__(self) -> None:
        super().__init__("This registration is not possible")


@dataclass(frozen=True)
class Registered:
    principal: Principal
    api_key: str


def register(*, email: str, password: str, name: str) -> Registered:
    """
    Raises:
        Invalid: no e-mail address, or a password that the rules refuse.
        RegistrationFailed
    """
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid(field="email", message="must be an e-mail address") from None
    try:
        validate_password(password, User(email=email, name=name))
    except ValidationError as error:
        raise Invalid(field="password", message=" ".join(error.messages)) from None
    if settings.REGISTRATION != "open":
        raise RegistrationFailed
    try:
        return _create(email, password, name)
    except IntegrityError:
        raise RegistrationFailed from None


@transaction.atomic(using="system")
def _create(email: str, password: str, name: str) -> Registered:
    tenant = create_tenant(name=name or email, tier=Tier.FREE, session_tokens=settings.SESSION_TOKENS)
    user = create_user(tenant=tenant, email=email, password=password, role=Role.OWNER, name=name)
    return Registered(principal_of_user(user), issue_key(user=user, name="first key").secret)
