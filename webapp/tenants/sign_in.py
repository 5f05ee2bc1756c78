"""Signs a person in by e-mail address and password, and locks out whoever guesses.

An attempt is written before the password is looked at, so that guesses side by side count too.
"""

from __future__ import annotations

import hashlib
import math
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import connections

from webapp.common.errors import HartleyError
from webapp.common.values import storable
from webapp.tenants.models import SignInAttempt
from webapp.tenants.rules import Principal, locked_s
from webapp.tenants.selectors import principal_of_user, user_by_email


class BadCredentials(HartleyError):
    """The address is unknown, the password is wrong, or the person or tenant is switched off: all look the same."""

    code = "invalid_credentials"
    status = 401

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong")


class LockedOut(HartleyError):
    """
    Attributes:
        retry_after_s: seconds until so many attempts are forgotten that the next one is looked at.
    """

    code = "locked_out"
    status = 429

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"Too many attempts to sign in; try again in {retry_after_s} s")


def sign_in(*, email: str, password: str, address: str) -> Principal:
    """
    Raises:
        LockedOut: too many attempts for this e-mail address or from this network address; the password isn't looked at.
        BadCredentials
    """
    email = storable(email).strip().lower()  # before it is counted: no second spelling of it has a count of its own
    hashed = hashlib.sha256(email.encode()).digest()
    _count(hashed, address[:45])
    user = user_by_email(email)
    if not check_password(password, user.password if user else _nobodys_password()) or user is None:
        raise BadCredentials()
    SignInAttempt.objects.filter(email_sha256=hashed).delete()
    return principal_of_user(user)


def _count(hashed: bytes, address: str) -> None:
    """An attempt that is refused unseen is forgotten: whoever waits as told gets their next one."""
    attempt = SignInAttempt.objects.create(email_sha256=hashed, address=address)
    with connections["default"].cursor() as cursor:
        cursor.execute(_FORGET, {"window": settings.LOCK_OUT_S})
        cursor.execute(_LOOK, {"email": hashed, "address": address, "window": settings.LOCK_OUT_S})
        counted = cursor.fetchall()
    wait_s = max(
        locked_s([left for is_email, _, left in counted if is_email], settings.LOCK_OUT_PER_EMAIL),
        locked_s([left for _, is_address, left in counted if is_address], settings.LOCK_OUT_PER_ADDRESS),
    )
    if wait_s > 0:
        attempt.delete()
        raise LockedOut(math.ceil(wait_s))


@cache
def _nobodys_password() -> str:
    """Compared with when there is no such person, so that the answer takes as long."""
    return make_password("nobody's password")


_FORGET = """
DELETE FROM tenants_signinattempt WHERE created_at < clock_timestamp() - %(window)s * interval '1 s'
"""
_LOOK = """
SELECT email_sha256 = %(email)s, address = %(address)s,
       extract(epoch FROM created_at - clock_timestamp())::float + %(window)s
  FROM tenants_signinattempt
 WHERE (email_sha256 = %(email)s OR address = %(address)s)
   AND created_at >= clock_timestamp() - %(window)s * interval '1 s'
 ORDER BY created_at
"""
