"""Scopes, on every route: a view that names none admits nobody."""

from __future__ import annotations

from typing import Any, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from webapp.tenants.rules import Principal


class HasScope(BasePermission):
    """The view names its scope per method: `scopes = {"GET": "workflows:read"}`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = getattr(view, "scopes", {}).get(request.method)
        self.message = f"The credential lacks the scope {needed}"
        return cast(Principal, request.user).may(needed)
