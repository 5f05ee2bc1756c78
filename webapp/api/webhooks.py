"""Webhooks over HTTP: made, changed, tested, removed; their deliveries, and one of them tried again."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.bodies import object_in
from webapp.api.presenters import moment
from webapp.api.tasks import caller, page
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration import dispatch
from webapp.tenants.models import User
from webapp.webhooks import services
from webapp.webhooks.models import Delivery, Kind, Webhook
from webapp.webhooks.selectors import deliveries_of, find_webhook, webhooks_of

SCOPE = "users:manage"
FIELDS: JSON = {
    "url": {"type": "string", "maxLength": 2000},
    "kinds": {"type": "array", "minItems": 1, "items": {"enum": Kind.values}},
}
NEW: JSON = {"type": "object", "required": ["url"], "properties": FIELDS}
CHANGE: JSON = {"type": "object", "properties": {**FIELDS, "is_active": {"type": "boolean"}}}


class Webhooks(APIView):
    """The tenant's webhooks, the oldest first; a new one's `secret` is in its answer, and nowhere else."""

    scopes: ClassVar = {"GET": SCOPE, "POST": SCOPE}
    bodies: ClassVar = {"POST": NEW}

    def get(self, request: Request) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            rows = [_body(row) for row in webhooks_of(tenant)]
        return Response({"webhooks": rows, "count": len(rows)})

    def post(self, request: Request) -> Response:
        asked, who = object_in(request), caller(request)
        with tenant_scope(who.tenant_id):
            made = services.make_webhook(
                actor=User.objects.get(id=who.user_id), url=asked.get("url"), kinds=asked.get("kinds", Kind.values)
            )
        return Response({**_body(made.webhook), "secret": made.secret}, status=201)


class OneWebhook(APIView):
    """One webhook; its address, kinds and whether it is switched on can be changed."""

    scopes: ClassVar = {"GET": SCOPE, "PATCH": SCOPE, "DELETE": SCOPE}
    bodies: ClassVar = {"PATCH": CHANGE}

    def get(self, request: Request, webhook: str) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            return Response(_body(find_webhook(tenant, webhook)))

    def patch(self, request: Request, webhook: str) -> Response:
        asked, who = object_in(request), caller(request)
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            return Response(_body(services.change_webhook(actor=actor, name=webhook, changes=asked)))

    def delete(self, request: Request, webhook: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            services.remove_webhook(actor=User.objects.get(id=who.user_id), name=webhook)
        return Response({"success": True, "message": "Removed, with its deliveries"})


class WebhookSecret(APIView):
    """A new secret, told in this answer only; the old one signs beside it for a while."""

    scopes: ClassVar = {"POST": SCOPE}

    def post(self, request: Request, webhook: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            made = services.rotate_secret(actor=User.objects.get(id=who.user_id), name=webhook)
        return Response({**_body(made.webhook), "secret": made.secret})


class WebhookTest(APIView):
    """Sends a `webhook.test`; what came of it stands in the deliveries."""

    scopes: ClassVar = {"POST": SCOPE}

    def post(self, request: Request, webhook: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            made = services.send_test(actor=User.objects.get(id=who.user_id), name=webhook)
            body = _delivery(Delivery.objects.get(id=made.id))
        dispatch.send_webhooks()
        return Response(body, status=202)


class Deliveries(APIView):
    """Of a webhook, the newest first, each with what came of its last try."""

    scopes: ClassVar = {"GET": SCOPE}
    queries: ClassVar = {"GET": {"limit": int, "offset": int}}

    def get(self, request: Request, webhook: str) -> Response:
        limit, offset = page(request, "limit", 50, least=1, most=200), page(request, "offset", 0, least=0)
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            found = find_webhook(tenant, webhook)
            rows = [_delivery(row) for row in deliveries_of(tenant, found.id, limit, offset)]
        return Response({"deliveries": rows, "count": len(rows)})


class RetryDelivery(APIView):
    scopes: ClassVar = {"POST": SCOPE}

    def post(self, request: Request, webhook: str, delivery: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            body = _delivery(services.retry_delivery(actor=actor, webhook=webhook, name=delivery))
        dispatch.send_webhooks()
        return Response(body, status=202)


def _body(webhook: Webhook) -> JSON:
    """
    `{"id": "0198…", "url": "https://hooks.example/budget", "kinds": ["budget.alert"], "is_active": true,
    "created_by": "ann@example.com", "created_at": "2026-11-21T10:00:00Z",
    "last": {"status": 500, "error": "It answered 500", "at": "2026-11-21T10:00:05Z", "failures": 1}}`
    """
    return {
        "id": str(webhook.id),
        "url": webhook.url,
        "kinds": webhook.kinds,
        "is_active": webhook.is_active,
        "created_by": webhook.created_by,
        "created_at": moment(webhook.created_at),
        "last": {
            "status": webhook.last_status,
            "error": webhook.last_error,
            "at": moment(webhook.last_at),
            "failures": webhook.failures,
        },
    }


def _delivery(delivery: Delivery) -> JSON:
    """`id` is the header webhook-id; `body` is what is sent."""
    return {
        "id": str(delivery.id),
        "event": delivery.event,
        "type": delivery.kind,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "status": delivery.status,
        "error": delivery.error,
        "next_at": moment(delivery.next_at) if delivery.state == "waiting" else None,
        "created_at": moment(delivery.created_at),
        "delivered_at": moment(delivery.delivered_at),
        "body": delivery.body,
    }
