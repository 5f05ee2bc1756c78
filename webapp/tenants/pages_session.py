"""Who is signed in on the pages: a session that names the tenant, the person and a hash of their password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db.models.expressions import BaseExpression
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.crypto import constant_time_compare

from webapp.common.tenancy import tenant_scope
from webapp.tenants.models import User
from webapp.tenants.rules import Principal
from webapp.tenants.selectors import find_user, principal_of_user

TENANT_KEY = "hartley_tenant"


def user_of_session(session: Mapping[str, Any], also: Mapping[str, BaseExpression] | None = None) -> User | None:
    """
    None for nobody, for a person or tenant that was switched off, and after a change of password.

    Args:
        also: what else the query of the person brings along, by name.
    """
    tenant, user = session.get(TENANT_KEY), session.get(SESSION_KEY)
    if not tenant or not user:
        return None
    found = find_user(UUID(tenant), UUID(user), also)
    if found is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), found.get_session_auth_hash()):
        return None
    return found


def principal_of_session(session: Mapping[str, Any]) -> Principal | None:
    user = user_of_session(session)
    return principal_of_user(user) if user else None


def begin_session(request: HttpRequest, principal: Principal) -> None:
    """A fresh session and a fresh CSRF token: nothing from before the sign-in carries over."""
    with tenant_scope(principal.tenant_id):
        user = User.objects.get(id=principal.user_id)
    request.session.flush()
    request.session[TENANT_KEY] = str(principal.tenant_id)
    request.session[SESSION_KEY] = str(user.id)
    request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    rotate_token(request)
