"""Alerts as the engine writes them, without spending anything."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from webapp.agent_tasks.models import Task
from webapp.budgets.models import Alert, Envelope, Level
from webapp.tenants.models import User
from webapp.webhooks.models import Delivery
from webapp.webhooks.services import make_webhook, send_test


def alert_of(tenant: UUID, *, level: Level = Level.TENANT, owner: UUID | None = None, **more: object) -> Alert:
    """Of a budget of two dollars, within the tenant's scope; each test's own is found again, not made twice."""
    envelope, _ = Envelope.objects.get_or_create(
        tenant_id=tenant, level=level, owner_id=owner or tenant, period="total"
    )
    told = {"unit": "usd", "percent": 80, "limit_value": Decimal(2), **more}
    used = Decimal(str(told["limit_value"])) * (Decimal(str(told["percent"])) / 100 + Decimal("0.005"))
    values = {"level": level, "owner_id": envelope.owner_id, "used_value": used}
    made, _ = Alert.objects.get_or_create(tenant_id=tenant, envelope=envelope, **told, defaults=values)  # type: ignore[arg-type]
    return made


def with_alerts(*, actor: User, task: UUID) -> None:
    """For looking at: a person's, a session's and a task's alerts, and a webhook with deliveries of each kind."""
    session = Task.objects.get(id=task).session_id
    alert_of(actor.tenant_id, level=Level.USER, owner=actor.id, task_id=task)
    alert_of(actor.tenant_id, level=Level.SESSION, owner=session, unit="tokens", percent=100,
             limit_value=Decimal(1_200_000), task_id=task)  # fmt: skip
    alert_of(actor.tenant_id, level=Level.TASK, owner=task, unit="seconds", limit_value=Decimal(900), task_id=task)
    hook = make_webhook(actor=actor, url="https://hooks.example/budget", kinds=["budget.alert"]).webhook
    ends = ({"state": "delivered", "status": 204}, {"status": 500, "error": "It answered 500"}, {"state": "given_up"})
    for end in ends:
        sent = send_test(actor=actor, name=str(hook.id))
        Delivery.objects.filter(id=sent.id).update(attempts=3, next_at=sent.created_at + timedelta(hours=1), **end)
