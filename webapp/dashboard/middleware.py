"""Who is looking at a page: from the session alone."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from webapp.budgets.alerts import unseen_of_tenant
from webapp.tenants.models import User
from webapp.tenants.pages_session import user_of_session


class SignedIn(AuthenticationMiddleware):
    """
    Django's own middleware asks by user alone; ours enters the tenant's scope first.

    The same query tells how many alerts wait, which every page shows.
    """

    def process_request(self, request: HttpRequest) -> None:
        def user() -> User | AnonymousUser:
            found = user_of_session(request.session, {"unseen_alerts": unseen_of_tenant()})
            return found or AnonymousUser()

        async def auser() -> User | AnonymousUser:
            return await sync_to_async(user)()

        request.user = SimpleLazyObject(user)  # type: ignore[assignment]
        request.auser = auser  # type: ignore[assignment]
