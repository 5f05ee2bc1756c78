"""A receiver on this machine, which the operator of the tests allows, and a sender as the control worker has one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.conf import settings

from tests.support.alerts import alert_of
from tests.support.cast import Cast, Person, make_cast
from tests.support.receiver import Receiver
from tests.support.services import Services
from webapp.budgets.models import Alert
from webapp.common.reach import reach
from webapp.common.tenancy import tenant_scope
from webapp.webhooks.models import Delivery, Webhook
from webapp.webhooks.services import Made, make_webhook
from workers.toolbox.egress import Egress
from workers.webhooks import Sender


@pytest.fixture(scope="session")
def cast() -> Cast:
    """A cast of its own: alerts of others' tests would be sent as well."""
    return make_cast()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture
def allowed(receiver: Receiver, settings: Any) -> Iterator[None]:
    settings.EGRESS_PORTS, settings.EGRESS_PLAIN_HTTP = [80, 443, receiver.port], True
    settings.EGRESS_ALLOW = ["127.0.0.1"]
    settings.WEBHOOK_TIMEOUT_S = 30.0
    reach.cache_clear()
    yield
    reach.cache_clear()


@dataclass
class Post:
    """Webhooks, alerts and deliveries of the cast, and what a worker does with them."""

    cast: Cast
    receiver: Receiver
    services: Services

    def webhook(self, path: str = "/hook", person: Person | None = None) -> Made:
        actor = (person or self.cast.owner).user
        with tenant_scope(actor.tenant_id):
            return make_webhook(actor=actor, url=self.receiver.url(path), kinds=["budget.alert"])

    def alert(self, person: Person | None = None, percent: int = 80) -> Alert:
        tenant = (person or self.cast.owner).user.tenant_id
        with tenant_scope(tenant):
            return alert_of(tenant, percent=percent)

    def sender(self, slots: int = 100) -> Sender:
        return Sender(Egress(reach(), within_s=30, body_bytes=100), slots=slots)

    async def round(self, sender: Sender | None = None) -> None:
        sending = sender or self.sender()
        await sending.round()
        await sending.idle()

    def deliveries(self, person: Person | None = None) -> list[Delivery]:
        with tenant_scope((person or self.cast.owner).user.tenant_id):
            return list(Delivery.objects.select_related("webhook").order_by("id"))

    def found(self, made: Made) -> Webhook:
        with tenant_scope(made.webhook.tenant_id):
            return Webhook.objects.get(id=made.webhook.id)

    @contextmanager
    def not_allowed(self) -> Iterator[None]:
        """The operator has taken back that this machine may be asked."""
        was, settings.EGRESS_ALLOW = settings.EGRESS_ALLOW, []
        reach.cache_clear()
        yield
        settings.EGRESS_ALLOW = was
        reach.cache_clear()

    def later(self) -> None:
        """All waits and leases are over."""
        with psycopg.connect(self.services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
            admin.execute(
                "UPDATE webhooks_delivery SET next_at = clock_timestamp(), "
                "claimed_until = CASE WHEN claimed_until IS NULL THEN NULL ELSE clock_timestamp() END"
            )


@pytest.fixture
def post(cast: Cast, receiver: Receiver, allowed: None, services: Services) -> Iterator[Post]:
    """What tests leave is removed, whoever's it is, or the next rounds would deliver it."""
    clear_away(services)
    yield Post(cast, receiver, services)
    clear_away(services)


def clear_away(services: Services) -> None:
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
        for table in ("webhooks_delivery", "webhooks_webhook", "budgets_alert"):
            admin.execute(f"DELETE FROM {table}")
