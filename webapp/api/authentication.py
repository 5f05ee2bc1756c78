"""Who is calling: from the credential alone. No header or parameter chooses a user or tenant."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from webapp.tenants.rules import Principal
from webapp.tenants.selectors import principal_of_key
from webapp.tenants.tokens import principal_of_access_token

REALM = 'Bearer realm="Hartley API"'


def credential_of(request: HttpRequest) -> str | None:
    """`X-API-Key`, else `Authorization: Bearer`; in the query only where a browser can't send headers: streams."""
    if credential := credential_in(request.headers):
        return credential
    if request.method == "GET" and request.path.startswith("/api/v1/stream/"):
        return request.GET.get("api_key") or request.GET.get("token")
    return None


def credential_in(headers: Mapping[str, str]) -> str | None:
    """Args: headers: found in any case."""
    if key := headers.get("X-API-Key"):
        return key
    parts = headers.get("Authorization", "").split(" ")
    return parts[1] if len(parts) == 2 and parts[0].lower() == "bearer" else None


def principal_of(request: HttpRequest) -> Principal | None:
    credential = credential_of(request)
    return principal_of_credential(credential) if credential else None


def principal_of_credential(credential: str) -> Principal | None:
    """Either header may carry either kind: an access token has two dots, and no API key has one."""
    if credential.count(".") == 2:
        return principal_of_access_token(credential)
    return principal_of_key(credential)


class CredentialAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Principal, None]:
        principal = principal_of(request._request)
        if principal is None:
            raise AuthenticationFailed(
                "A valid API key or access token is required: X-API-Key or Authorization: Bearer"
            )
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        return REALM
