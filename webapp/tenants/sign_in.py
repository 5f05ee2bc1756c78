"""Signs a person in by e-mail address and password, and locks out whoever guesses.

An attempt is written before the password is looked at, so that guesses side by side count too.
"""

from __future__ import annotations

import hashlib
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import connections

from webapp.common.errors import HartleyError
from webapp.tenants.models import SignInAttempt
from webapp.tenants.rules import Principal
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
        retry_after_s: seconds until the oldest attempt that counts is forgotten.
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
    hashed = hashlib.sha256(email.strip().lower().encode()).digest()
    _count(hashed, address[:45])
    user = user_by_email(email.replace("\0", ""))
    if not check_password(password, user.password if user else _nobodys_password()) or user is None:
        raise BadCredentials()
    SignInAttempt.objects.filter(email_sha256=hashed).delete()
    return principal_of_user(user)


def _count(hashed: bytes, address: str) -> None:
    SignInAttempt.objects.create(email_sha256=hashed, address=address)
    with connections["default"].cursor() as cursor:
        cursor.execute(_LOOK, {"email": hashed, "address": address, "window": settings.LOCK_OUT_S})
        by_email, email_s, by_address, address_s = cursor.fetchone() or (0, 0, 0, 0)
    waits = [
        left
        for count, left, limit in (
            (by_email, email_s, settings.LOCK_OUT_PER_EMAIL),
            (by_address, address_s, settings.LOCK_OUT_PER_ADDRESS),
        )
        if count > limit
    ]
    if waits:
        raise LockedOut(max(1, round(max(waits))))


@cache
def _nobodys_password() -> str:
    """Compared with when there is no such person, so that the answer takes as long."""
    return make_password("nobody's password")


_LOOK = """
WITH gone AS (DELETE FROM tenants_signinattempt WHERE created_at < clock_timestamp() - %(window)s * interval '1 s'),
     counted AS (SELECT email_sha256 = %(email)s AS is_email, address = %(address)s AS is_address, created_at
                   FROM tenants_signinattempt
                  WHERE (email_sha256 = %(email)s OR address = %(address)s)
                    AND created_at >= clock_timestamp() - %(window)s * interval '1 s')
SELECT count(*) FILTER (WHERE is_email),
       extract(epoch FROM min(created_at) FILTER (WHERE is_email) - clock_timestamp()) + %(window)s,
       count(*) FILTER (WHERE is_address),
       extract(epoch FROM min(created_at) FILTER (WHERE is_address) - clock_timestamp()) + %(window)s
  FROM counted
"""
