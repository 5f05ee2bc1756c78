"""Alerts arrive at webhooks: signed, at least once under one id, whatever becomes of receivers and workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.integration.webhooks.conftest import Post
from tests.support.receiver import Received
from tests.support.services import ROOT
from tests.support.threads import apart
from webapp.common.tenancy import tenant_scope
from webapp.webhooks import outbox
from webapp.webhooks.models import Delivery, Webhook
from webapp.webhooks.outbox import Outcome
from webapp.webhooks.services import change_webhook, retry_delivery, rotate_secret, send_test


async def test_an_alert_arrives_once_signed_and_the_other_tenants_does_not(post: Post) -> None:
    made, theirs = await apart(post.webhook), await apart(post.webhook, "/globex", post.cast.stranger)
    alert = await apart(post.alert)
    for _ in range(2):
        await post.round()
    [got] = post.receiver.received
    assert (got.path, got.verify(made.secret), got.verify(theirs.secret)) == ("/hook", True, False)
    assert got.body["type"] == "budget.alert" and got.headers["content-type"] == "application/json"
    assert got.body["data"] == {
        "alert_id": alert.id, "level": "tenant", "owner_id": str(post.cast.acme.id), "agent": "", "period": "",
        "window_start": None, "unit": "usd", "percent": 80, "limit": 2, "used": 1.61, "task_id": None,
        "created_at": got.body["timestamp"],
    }  # fmt: skip
    [delivery] = await apart(post.deliveries)
    assert (delivery.state, delivery.status, delivery.attempts, str(delivery.id)) == ("delivered", 204, 1, got.id)
    assert await apart(post.deliveries, post.cast.stranger) == []


async def test_a_receiver_that_fails_is_asked_again_under_the_same_id(post: Post) -> None:
    made = await apart(post.webhook)
    await apart(post.alert)
    post.receiver.answer = lambda got: 500 if len(post.receiver.received) < 3 else 200
    for wanted in (1, 2, 3):
        await post.round()
        await post.round()  # it isn't due yet
        assert len(post.receiver.received) == wanted
        [delivery] = await apart(post.deliveries)
        hook = await apart(post.found, made)
        if wanted < 3:
            assert (delivery.state, delivery.error, hook.failures) == ("waiting", "It answered 500", wanted)
        await apart(post.later)
    assert (delivery.state, hook.failures, hook.last_status) == ("delivered", 0, 200)
    assert len({got.id for got in post.receiver.received}) == 1
    assert all(got.verify(made.secret) for got in post.receiver.received)


async def test_it_is_given_up_visibly_after_the_last_try_and_a_person_can_have_it_tried_again(
    post: Post, settings: object
) -> None:
    settings.WEBHOOK_RETRIES_S = [5]  # type: ignore[attr-defined]
    made = await apart(post.webhook)
    await apart(post.alert)
    post.receiver.answer = lambda got: (302, {"Location": "http://10.0.0.1/"}, b"")
    for _ in range(3):
        await post.round()
        await apart(post.later)
    [delivery] = await apart(post.deliveries)
    assert (delivery.state, delivery.attempts, len(post.receiver.received)) == ("given_up", 2, 2)
    assert delivery.error == "It answered 302: redirects are not followed"
    post.receiver.answer = lambda got: 200
    await apart(again, post, made.webhook, delivery)
    await post.round()
    [delivery] = await apart(post.deliveries)
    assert (delivery.state, delivery.attempts) == ("delivered", 1)


async def test_a_worker_killed_between_sending_and_recording_costs_a_repetition_and_no_alert(post: Post) -> None:
    made = await apart(post.webhook)
    await apart(post.alert)
    await apart(killed_worker, post)
    [first] = post.receiver.received
    await post.round()
    assert post.receiver.received == [first], "its claim holds until the lease is over"
    await apart(post.later)
    await post.round()
    assert [got.id for got in post.receiver.received] == [first.id] * 2 and first.verify(made.secret)
    [delivery] = await apart(post.deliveries)
    assert (delivery.state, delivery.attempts) == ("delivered", 2)


async def test_workers_that_are_always_lost_do_not_send_for_ever(post: Post, settings: object) -> None:
    settings.WEBHOOK_RETRIES_S = [5]  # type: ignore[attr-defined]
    await apart(post.webhook)
    await apart(post.alert)
    await apart(outbox.tell_alerts)
    for _ in range(2):
        assert len(await apart(outbox.claim, 10)) == 1
        await apart(post.later)
    assert await apart(outbox.claim, 10) == []
    [delivery] = await apart(post.deliveries)
    assert delivery.state == "given_up" and "worker that sent it was lost" in delivery.error


async def test_two_workers_never_send_the_same_at_once(post: Post) -> None:
    await apart(post.webhook)
    await apart(post.alert)
    await asyncio.gather(*(post.round() for _ in range(4)))
    assert len(post.receiver.received) == 1


async def test_what_a_lost_claim_says_late_is_not_recorded(post: Post) -> None:
    await apart(post.webhook)
    await apart(post.alert)
    await apart(outbox.tell_alerts)
    [late] = await apart(outbox.claim, 10)
    await apart(post.later)
    [newer] = await apart(outbox.claim, 10)
    await apart(record, late, Outcome(500, "It answered 500"))
    assert [row.error for row in await apart(post.deliveries)] == [""]
    await apart(record, newer, Outcome(200, ""))
    assert [row.state for row in await apart(post.deliveries)] == ["delivered"]


async def test_a_slow_receiver_does_not_hold_up_another(post: Post) -> None:
    """Nor has it more than its share of tries at once."""
    await apart(post.webhook, "/slow")
    for percent in range(1, 8):
        await apart(post.alert, None, percent)
    quick_was_there = threading.Event()

    def slow(got: Received) -> int:
        if got.path == "/slow":
            quick_was_there.wait(60)
        return 200

    post.receiver.answer = slow
    sending = post.sender()
    await sending.round()
    await apart(post.webhook, "/quick", post.cast.stranger)
    await apart(post.alert, post.cast.stranger)
    await sending.round()
    async with asyncio.timeout(30):  # it does not wait for the slow one, which waits for it
        while not (post.receiver.at("/quick") and len(post.receiver.at("/slow")) >= 4):
            await asyncio.sleep(0.01)
    assert len(post.receiver.at("/slow")) == 4
    quick_was_there.set()
    await sending.idle()


async def test_an_address_that_leads_inside_is_refused_when_it_is_sent_to(post: Post) -> None:
    """A name may lead elsewhere than when it was set, and what was allowed may be so no more."""
    made = await apart(post.webhook)
    await apart(post.alert)
    with post.not_allowed():
        await post.round()
    assert post.receiver.received == []
    [delivery] = await apart(post.deliveries)
    assert delivery.state == "waiting" and "an address that is not public" in delivery.error
    assert (await apart(post.found, made)).last_error == delivery.error


async def test_a_replaced_secret_signs_as_well_for_a_day(post: Post) -> None:
    made = await apart(post.webhook)
    newer = await apart(rotated, post, made.webhook)
    await apart(tried_out, post, made.webhook)
    await post.round()
    [got] = post.receiver.received
    assert newer != made.secret and got.verify(newer) and got.verify(made.secret)
    assert got.body["type"] == "webhook.test" and got.body["data"]["asked_by"] == post.cast.owner.user.email


async def test_what_is_switched_off_gets_nothing_until_it_is_on_again(post: Post) -> None:
    made = await apart(post.webhook)
    await apart(switched, post, made.webhook, False)
    await apart(post.alert)
    await post.round()
    assert post.receiver.received == []
    await apart(switched, post, made.webhook, True)
    await post.round()
    assert len(post.receiver.received) == 1


async def test_no_secret_is_in_logs_rows_or_errors(
    post: Post, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    made = await apart(post.webhook, "/hook?token=hidden-in-the-address")
    await apart(post.alert)
    signatures: list[str] = []

    def repeats(got: Received) -> tuple[int, dict[str, str], bytes]:
        signatures.append(got.headers["webhook-signature"])
        return 500, {"X-Secret": made.secret}, made.secret.encode()

    post.receiver.answer = repeats
    await post.round()
    [delivery] = await apart(post.deliveries)
    said = caplog.text + "".join(capsys.readouterr()) + delivery.error + str(delivery.body)
    for secret in (made.secret, made.secret.removeprefix("whsec_"), signatures[0], "hidden-in-the-address"):
        assert secret not in said
    [parcel] = [await apart(claimed, post)]
    assert made.secret not in repr(parcel)


def killed_worker(post: Post) -> None:
    env = {
        **os.environ,
        "HARTLEY_EGRESS_ALLOW": "127.0.0.1",
        "HARTLEY_EGRESS_PLAIN_HTTP": "1",
        "HARTLEY_EGRESS_PORTS": str(post.receiver.port),
    }
    lost = subprocess.run([sys.executable, "-m", "tests.support.lost_sender"], cwd=ROOT, env=env, timeout=60)
    assert lost.returncode == -signal.SIGKILL


def record(parcel: outbox.Parcel, outcome: Outcome) -> None:
    outbox.record(parcel, outcome, jitter=0.5)


def claimed(post: Post) -> outbox.Parcel:
    post.later()
    [parcel] = outbox.claim(1)
    return parcel


def again(post: Post, webhook: Webhook, delivery: Delivery) -> None:
    with tenant_scope(post.cast.acme.id):
        retry_delivery(actor=post.cast.owner.user, webhook=str(webhook.id), name=str(delivery.id))


def rotated(post: Post, webhook: Webhook) -> str:
    with tenant_scope(post.cast.acme.id):
        return rotate_secret(actor=post.cast.owner.user, name=str(webhook.id)).secret


def tried_out(post: Post, webhook: Webhook) -> None:
    with tenant_scope(post.cast.acme.id):
        send_test(actor=post.cast.owner.user, name=str(webhook.id))


def switched(post: Post, webhook: Webhook, on: bool) -> None:
    with tenant_scope(post.cast.acme.id):
        change_webhook(actor=post.cast.owner.user, name=str(webhook.id), changes={"is_active": on})
