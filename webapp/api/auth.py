"""Registration, login, refresh, who am I, and API keys over HTTP. Errors are `{"error": code, "message": text}`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.bodies import object_in
from webapp.api.limits import AddressLimit, address_of
from webapp.api.presenters import moment
from webapp.api.tasks import caller
from webapp.budgets.selectors import tenant_tokens
from webapp.common.errors import HartleyError, Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.tenants import api_keys
from webapp.tenants.models import ApiKey, User
from webapp.tenants.registration import register
from webapp.tenants.rules import ANYONE, Principal
from webapp.tenants.services import IssuedKey
from webapp.tenants.sign_in import sign_in
from webapp.tenants.tokens import Tokens, issue_tokens, spend_refresh_token


class UnsupportedProvider(HartleyError):
    code = "unsupported_provider"
    status = 400

    def __init__(self) -> None:
        super().__init__("Sign-in by another provider is not set up here; send email and password")


class AuthView(APIView):
    errors_by_code = True


class OpenView(AuthView):
    """For whoever has no credential yet; limited by network address."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = [AddressLimit]
    address_limit: ClassVar = ("auth", 30)


def _takes(*required: str, **more: JSON) -> JSON:
    """A JSON schema of an object with these texts and what else it may have."""
    texts: JSON = {name: {"type": "string"} for name in required}
    return {"type": "object", "required": list(required), "properties": texts | more}


class Register(OpenView):
    """A tenant of one's own, of the free tier."""

    bodies: ClassVar = {"POST": _takes("email", "password", full_name={"type": "string"})}

    def post(self, request: Request) -> Response:
        body = object_in(request)
        if body.get("provider"):
            raise UnsupportedProvider
        made = register(
            email=_text(body, "email", 254),
            password=_text(body, "password", 200),
            name=_name(body),
        )
        answer = _signed_in(made.principal, issue_tokens(principal=made.principal))
        return Response({**answer, "is_new_user": True, "api_key": made.api_key})


class Login(OpenView):
    """E-mail address and password for an access and a refresh token."""

    bodies: ClassVar = {"POST": _takes("email", "password")}

    def post(self, request: Request) -> Response:
        body = object_in(request)
        email, password = _text(body, "email", 254), _text(body, "password", 200)
        who = sign_in(email=email, password=password, address=address_of(request._request))
        return Response({**_signed_in(who, issue_tokens(principal=who)), "is_new_user": False})


class Refresh(OpenView):
    """Spends a refresh token for the next pair; one that comes back ends all that came of its sign-in."""

    bodies: ClassVar = {"POST": _takes("refresh_token")}
    address_limit: ClassVar = ("refresh", 60)

    def post(self, request: Request) -> Response:
        _, tokens = spend_refresh_token(refresh=_text(object_in(request), "refresh_token", 200))
        return Response(_pair(tokens))


class Me(AuthView):
    scopes: ClassVar = {"GET": ANYONE}
    unlimited: ClassVar = frozenset({"GET"})

    def get(self, request: Request) -> Response:
        who = caller(request)
        minute, hour, _ = settings.RATE_LIMITS[who.tier]
        return Response(
            {
                **_person(who),
                "role": who.role,
                "scopes": sorted(who.scopes),
                "tier": who.tier,
                "quotas": _quotas(who),
                "rate_limits": {"minute": {"limit": minute}, "hour": {"limit": hour}},
            }
        )


class RefreshKey(AuthView):
    scopes: ClassVar = {"POST": ANYONE}

    def post(self, request: Request) -> Response:
        issued = api_keys.replace_key(who=caller(request))
        return Response({"api_key": issued.secret, "previous_key_revoked": True})


class ApiKeys(AuthView):
    """One's own keys, for those who manage keys everyone's; a new one is shown once."""

    bodies: ClassVar = {
        "POST": _takes(
            "name",
            scopes={"type": "array", "items": {"type": "string"}},
            expires_in_days={"type": "integer", "minimum": 1, "maximum": 3650},
        )
    }
    scopes: ClassVar = {"GET": ANYONE, "POST": ANYONE}
    unlimited: ClassVar = frozenset({"GET"})

    def get(self, request: Request) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            keys = [_key_row(key) for key in api_keys.visible_keys(who)]
        return Response({"keys": keys, "total": len(keys)})

    def post(self, request: Request) -> Response:
        body = object_in(request)
        issued = api_keys.create_key(
            who=caller(request),
            name=body.get("name"),
            scopes=body.get("scopes"),
            expires_in_days=body.get("expires_in_days"),
        )
        return Response(_issued(issued), status=201)


class OneApiKey(AuthView):
    scopes: ClassVar = {"DELETE": ANYONE}
    unlimited: ClassVar = frozenset({"DELETE"})

    def delete(self, request: Request, key: str) -> Response:
        api_keys.revoke_key(who=caller(request), key=key)
        return Response({"success": True, "message": "API key revoked"})


def _text(body: JSON, field: str, limit: int) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value or len(value) > limit:
        raise Invalid(field=field, message=f"must be a string of 1 to {limit} characters")
    return value


def _name(body: JSON) -> str:
    field = "full_name" if body.get("full_name") else "username"
    return _text(body, field, 200) if body.get(field) else ""


def _signed_in(who: Principal, tokens: Tokens) -> JSON:
    person = _person(who)
    user = {"email": who.email, "username": who.email, "name": person["name"]}
    return {**person, **_pair(tokens), "tier": who.tier, "quotas": _quotas(who), "user": user}


def _pair(tokens: Tokens) -> JSON:
    return {
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_s,
    }


def _person(who: Principal) -> JSON:
    with tenant_scope(who.tenant_id):
        name = User.objects.values_list("name", flat=True).get(id=who.user_id)
    return {
        "user_id": str(who.user_id),
        "tenant_id": str(who.tenant_id),
        "email": who.email,
        "username": who.email,
        "name": name,
    }


def _quotas(who: Principal) -> JSON:
    """`monthly_tokens` is the tenant's limit, null for none; `monthly_usage` what was settled since the first of the month."""
    minute, hour, _ = settings.RATE_LIMITS[who.tier]
    since = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with tenant_scope(who.tenant_id):
        limit, used = tenant_tokens(who.tenant_id, since)
    return {
        "monthly_tokens": limit,
        "monthly_usage": used,
        "rate_limit_minute": minute,
        "rate_limit_hour": hour,
    }


def _key_row(key: ApiKey) -> JSON:
    return {
        "id": str(key.id),
        "name": key.name,
        "key_prefix": key.key_prefix,
        "user": key.user.email,
        "scopes": key.scopes,
        "created_at": moment(key.created_at),
        "last_used_at": moment(key.last_used_at),
        "expires_at": moment(key.expires_at),
        "is_active": key.is_active,
    }


def _issued(issued: IssuedKey) -> JSON:
    return {
        **_key_row(issued.key),
        "api_key": issued.secret,
        "warning": "Keep it now: it is not shown again.",
    }
