"""Signs a person in by e-mail address and password."""

from __future__ import annotations

from webapp.common.errors import HartleyError
from webapp.tenants.models import User
from webapp.tenants.rules import Principal
from webapp.tenants.selectors import principal_of_user


class BadCredentials(HartleyError):
    code = "invalid_credentials"
    status = 401

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong")


class LockedOut(HartleyError):
    code = "locked_out"
    status = 429

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"Too many attempts; try again in {retry_after_s} s")


def sign_in(*, email: str, password: str, address: str) -> Principal:
    user = User.objects.using("system").select_related("tenant").filter(email=email.lower(), is_active=True).first()
    if user is None or not user.check_password(password):
        raise BadCredentials()
    return principal_of_user(user)
