"""Webhooks and alerts over the API and on the page: what is told, what is refused, and to whom."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.http import HttpResponse
from django.test import Client

from tests.integration.webhooks.conftest import Post
from tests.support.alerts import alert_of
from tests.support.cast import Cast, Person
from tests.support.farm import eventually
from tests.support.pages import at_most, signed_in
from tests.support.services import Services
from webapp.audit.models import AuditEntry
from webapp.common.tenancy import tenant_scope
from webapp.webhooks import secrets
from webapp.webhooks.models import Webhook
from webapp.webhooks.outbox import claim

URL = "https://hooks.example/budget?token=hidden"


@pytest.fixture(autouse=True)
def _nothing_stays(cast: Cast) -> Iterator[None]:
    yield
    for tenant in (cast.acme, cast.globex):
        with tenant_scope(tenant.id):
            Webhook.objects.all().delete()


def call(person: Person, method: str, path: str, **body: Any) -> HttpResponse:
    headers = {"X-API-Key": person.api_key}
    return Client().generic(method, path, json.dumps(body), "application/json", headers=headers)  # type: ignore[return-value]


def made(person: Person, url: str = URL) -> dict[str, Any]:
    answer = call(person, "POST", "/api/v1/webhooks", url=url)
    assert answer.status_code == 201, answer.content
    return dict(json.loads(answer.content))


def test_a_webhook_is_made_changed_and_removed_and_tells_its_secret_once(cast: Cast, services: Services) -> None:
    first = made(cast.owner)
    place = f"/api/v1/webhooks/{first['id']}"
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", first["secret"]) and first["kinds"] == ["budget.alert"]
    changed = call(cast.admin, "PATCH", place, url="https://hooks.example/other", is_active=False)
    answers = [changed, call(cast.admin, "GET", place), call(cast.admin, "GET", "/api/v1/webhooks")]
    assert json.loads(changed.content)["url"] == "https://hooks.example/other"
    replaced = json.loads(call(cast.admin, "POST", f"{place}/secret").content)
    assert replaced["secret"] != first["secret"]
    answers.append(signed_in(cast.owner).get("/alerts"))
    for answer in answers:
        assert answer.status_code == 200 and first["secret"] not in answer.content.decode()
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
        rows = admin.execute("SELECT sealed, old_sealed FROM webhooks_webhook WHERE id = %s", [first["id"]]).fetchall()
    assert first["secret"].encode() not in b"".join(rows[0])
    assert call(cast.admin, "DELETE", place).status_code == 200
    assert call(cast.admin, "GET", place).status_code == 404
    with tenant_scope(cast.acme.id):
        audited = list(AuditEntry.objects.filter(subject=first["id"]).order_by("id"))
    assert [each.action for each in audited] == [
        "webhook.made", "webhook.changed", "webhook.secret_replaced", "webhook.removed",
    ]  # fmt: skip
    told = json.dumps([each.detail for each in audited])
    assert "hidden" not in told and first["secret"] not in told and "hooks.example" in told


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://10.0.0.1/", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://[::ffff:127.0.0.1]/", "not public"),
        ("https://0x7f000001/", "written in full"),
        ("https://localhost/", "inner network"),
        ("http://hooks.example/", "https://"),
        ("https://a:secret-word@hooks.example/", "no name and password"),
        ("https://hooks.example:22/", "Port 22"),
        (7, "printable ASCII"),
        (None, "printable ASCII"),
        ("https://hooks.example/" + "a" * 2000, "2000"),
        ("https://hooks.example/\x00", "printable ASCII"),
    ],
)
def test_an_address_that_may_not_be_asked_is_refused_with_the_reason(url: Any, words: str, cast: Cast) -> None:
    answer = call(cast.owner, "POST", "/api/v1/webhooks", url=url)
    assert answer.status_code == 400 and words in json.loads(answer.content)["error"], answer.content
    assert b"secret-word" not in answer.content
    hook = made(cast.owner)
    assert call(cast.owner, "PATCH", f"/api/v1/webhooks/{hook['id']}", url=url).status_code == 400


@pytest.mark.parametrize(
    "change", [{"kinds": []}, {"kinds": ["x"]}, {"kinds": [7]}, {"kinds": [[]]}, {"is_active": 1}, {"sealed": "x"}]
)
def test_odd_changes_are_refused(change: dict[str, Any], cast: Cast) -> None:
    hook = made(cast.owner)
    answer = call(cast.owner, "PATCH", f"/api/v1/webhooks/{hook['id']}", **change)
    assert answer.status_code == 400 and next(iter(change)) in json.loads(answer.content)["error"]


def test_a_tenant_has_so_many_webhooks_and_no_more(cast: Cast, settings: Any) -> None:
    settings.WEBHOOKS_PER_TENANT = 2
    for _ in range(2):
        made(cast.owner)
    assert b"at most 2" in call(cast.owner, "POST", "/api/v1/webhooks", url=URL).content
    made(cast.stranger)


def test_the_other_tenant_finds_nothing(cast: Cast) -> None:
    hook = made(cast.owner)
    told = json.loads(call(cast.owner, "POST", f"/api/v1/webhooks/{hook['id']}/test").content)
    own = made(cast.stranger)
    place = f"/api/v1/webhooks/{hook['id']}"
    for method, path in (
        ("GET", place), ("PATCH", place), ("DELETE", place), ("POST", f"{place}/test"), ("POST", f"{place}/secret"),
        ("GET", f"{place}/deliveries"), ("POST", f"{place}/deliveries/{told['id']}/retry"),
        ("POST", f"/api/v1/webhooks/{own['id']}/deliveries/{told['id']}/retry"),
        ("GET", f"/api/v1/webhooks/{uuid4()}"), ("GET", "/api/v1/webhooks/no-uuid"),
    ):  # fmt: skip
        assert call(cast.stranger, method, path).status_code == 404, (method, path)
    listed = json.loads(call(cast.stranger, "GET", "/api/v1/webhooks").content)
    assert [each["id"] for each in listed["webhooks"]] == [own["id"]]


def test_what_is_off_is_not_tested_and_what_is_under_way_is_not_sent_beside(post: Post, cast: Cast) -> None:
    hook = post.webhook()
    place = f"/api/v1/webhooks/{hook.webhook.id}"
    told = json.loads(call(cast.owner, "POST", f"{place}/test").content)
    assert claim(1)
    assert call(cast.owner, "POST", f"{place}/deliveries/{told['id']}/retry").status_code == 409
    call(cast.owner, "PATCH", place, is_active=False)
    assert call(cast.owner, "POST", f"{place}/test").status_code == 409
    listed = json.loads(call(cast.owner, "GET", f"{place}/deliveries").content)
    assert listed["count"] == 1 and listed["deliveries"][0]["type"] == "webhook.test"


def test_a_row_copied_to_another_tenant_has_a_secret_that_does_not_open(cast: Cast) -> None:
    hook = made(cast.owner)
    with tenant_scope(cast.acme.id):
        sealed = bytes(Webhook.objects.get(id=hook["id"]).sealed)
    assert secrets.opened(sealed, tenant=cast.acme.id, webhook=Webhook(id=hook["id"]).id) == hook["secret"]
    with pytest.raises(Exception, match="somebody else"):
        secrets.opened(sealed, tenant=cast.globex.id, webhook=hook["id"])


def test_alerts_are_listed_seen_once_and_counted_in_the_navigation(cast: Cast) -> None:
    with tenant_scope(cast.acme.id):
        first, second = alert_of(cast.acme.id, percent=80), alert_of(cast.acme.id, percent=100)
    client = signed_in(cast.operator)
    assert re.search(r'Alerts <span class="badge wait">2<', client.get("/alerts").content.decode())
    listed = json.loads(call(cast.operator, "GET", "/api/v1/budget-alerts?seen=false").content)
    assert [each["percent"] for each in listed["alerts"]] == [100, 80] and listed["total_count"] == 2
    assert listed["alerts"][0]["owner"] == "Acme"
    for person in (cast.operator, cast.admin):
        told = json.loads(call(person, "POST", f"/api/v1/budget-alerts/{first.id}/seen").content)
        assert told["seen_by"] == cast.operator.user.email, "the first one is kept"
    assert client.post(f"/alerts/{second.id}/seen").status_code == 302
    page = client.get("/alerts").content.decode()
    assert "Nothing that wasn" in page and "badge wait" not in page
    assert "80 %" in client.get("/alerts?show=all").content.decode()
    assert call(cast.stranger, "POST", f"/api/v1/budget-alerts/{first.id}/seen").status_code == 404
    assert json.loads(call(cast.stranger, "GET", "/api/v1/budget-alerts").content)["total_count"] == 0
    assert call(cast.operator, "GET", "/api/v1/budget-alerts?seen=perhaps").status_code == 400


def test_the_page_makes_a_webhook_shows_the_secret_once_and_costs_few_queries(cast: Cast) -> None:
    client = signed_in(cast.owner)
    refused = client.post("/alerts", {"url": "https://192.168.0.1/"})
    assert refused.status_code == 400 and "not public" in refused.content.decode()
    for _ in range(5):
        page = client.post("/alerts", {"url": URL})
    secret = re.search(r'id="secret">(whsec_[^<]+)<', page.content.decode())
    assert secret and "no-store" in page["Cache-Control"]
    again = client.get("/alerts").content.decode()
    assert secret[1] not in again and again.count(URL.replace("&", "&amp;")) >= 5
    for hook in json.loads(call(cast.owner, "GET", "/api/v1/webhooks").content)["webhooks"]:
        assert client.post(f"/alerts/webhooks/{hook['id']}/test").status_code == 302
    with at_most(15):
        page = client.get("/alerts").content.decode()
    assert page.count("webhook.test") >= 5
    assert signed_in(cast.operator).post("/alerts", {"url": URL}).status_code == 403
    assert "hooks.example" not in signed_in(cast.operator).get("/alerts").content.decode()


def test_a_markup_address_is_words_on_the_page(cast: Cast) -> None:
    made(cast.owner, "https://hooks.example/a'b&c=d")
    page = signed_in(cast.owner).get("/alerts").content.decode()
    assert "a&#x27;b&amp;c=d" in page and "a'b" not in page


def test_a_running_worker_delivers_a_test_at_once(
    services: Services, sandbox_image: Any, post: Post, tmp_path: Any
) -> None:
    """The control worker of a farm, by the hint that the request sends: no clock runs here."""
    from tests.support.farm import Farm

    env = {
        "HARTLEY_EGRESS_ALLOW": "127.0.0.1",
        "HARTLEY_EGRESS_PLAIN_HTTP": "1",
        "HARTLEY_EGRESS_PORTS": str(post.receiver.port),
    }
    farm = Farm(services, env, tmp_path)
    hook = post.webhook()
    try:
        farm.launch("worker-control")
        call(post.cast.owner, "POST", f"/api/v1/webhooks/{hook.webhook.id}/test")
        eventually(lambda: post.receiver.received)
        assert post.receiver.received[0].verify(hook.secret)
        eventually(lambda: [row.state for row in post.deliveries()] == ["delivered"])
    finally:
        farm.stop()
    assert hook.secret not in (tmp_path / "worker-control.log").read_text()
