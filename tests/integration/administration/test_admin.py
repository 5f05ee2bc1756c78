"""The admin: rights by role, closed to the other tenant, few queries a page, and rules that its forms can't go round."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.admin import site
from django.db import ProgrammingError
from django.test import Client, RequestFactory

from tests.support.cast import Cast, Person, make_cast, person
from tests.support.pages import at_most, signed_in
from webapp.audit.models import AuditEntry
from webapp.budgets.models import Envelope
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task
from webapp.tenants.admin import ApiKeyPage
from webapp.tenants.models import ApiKey, Role, Tenant, User

LISTS = {
    "tenants/tenant": {"operator", "admin", "owner"},
    "tenants/user": {"admin", "owner"},
    "tenants/apikey": {"admin", "owner"},
    "budgets/envelope": {"operator", "admin", "owner"},
    "budgets/ledgerentry": {"operator", "admin", "owner"},
    "prompts/prompttemplate": {"operator", "admin", "owner"},
    "decisions/policydecision": {"operator", "admin", "owner"},
    "audit/auditentry": {"admin", "owner"},
}
ROLES = ("user", "operator", "admin", "owner")


@pytest.fixture(scope="module")
def cast() -> Cast:
    cast = make_cast()
    for who in (cast.owner, cast.stranger):
        submit_task(principal=who.principal, submission=Submission(query="What is 2 + 2?"))
    return cast


@pytest.fixture(scope="module")
def clients(cast: Cast) -> dict[str, Client]:
    return {role: signed_in(getattr(cast, role)) for role in (*ROLES, "stranger")}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("page", LISTS)
def test_a_list_opens_for_the_roles_that_may_see_it_and_for_no_other(
    page: str, role: str, clients: dict[str, Client]
) -> None:
    answer = clients[role].get(f"/admin/{page}/")
    assert (answer.status_code == 200) == (role in LISTS[page]), answer.status_code


@pytest.mark.parametrize("page", ["", *(f"{page}/" for page in LISTS), "tenants/user/add/"])
def test_no_page_needs_more_than_twenty_queries(page: str, clients: dict[str, Client]) -> None:
    with at_most(20):
        assert clients["owner"].get(f"/admin/{page}").status_code == 200


def test_a_stranger_finds_none_of_our_rows(cast: Cast, clients: dict[str, Client]) -> None:
    with tenant_scope(cast.acme.id):
        envelope = Envelope.objects.filter(level="tenant").get()
        key = ApiKey.objects.filter(user=cast.owner.user).get()
    for path in (
        f"tenants/user/{cast.owner.user.id}",
        f"tenants/tenant/{cast.acme.id}",
        f"budgets/envelope/{envelope.id}",
        f"tenants/apikey/{key.id}",
    ):
        assert clients["owner"].get(f"/admin/{path}/change/").status_code == 200
        assert clients["stranger"].get(f"/admin/{path}/change/").status_code == 302, path
    listed = clients["stranger"].get("/admin/tenants/user/").content.decode()
    assert cast.stranger.user.email in listed and cast.owner.user.email not in listed


def test_whoever_is_not_signed_in_is_led_to_the_sign_in() -> None:
    assert Client().get("/admin/tenants/user/", follow=True).redirect_chain[-1][0].startswith("/sign-in")


def save_user(client: Client, who: Person, **fields: object) -> tuple[int, str]:
    body = {
        "email": who.user.email,
        "name": who.user.name,
        "role": who.user.role,
        "is_active": "on",
        "new_password": "",
        **fields,
    }
    answer = client.post(f"/admin/tenants/user/{who.user.id}/change/", body)
    return answer.status_code, answer.content.decode()


def test_an_admin_can_make_nobody_an_owner_nor_touch_one(cast: Cast, clients: dict[str, Client]) -> None:
    status, text = save_user(clients["admin"], cast.user, role=Role.OWNER)
    assert status == 200 and "make someone owner" in text
    status, text = save_user(clients["admin"], cast.owner, role=Role.USER)
    assert status == 200 and "change someone who is owner" in text


def test_the_last_owner_stays_one(cast: Cast, clients: dict[str, Client]) -> None:
    for change in ({"role": Role.ADMIN}, {"is_active": ""}):
        status, text = save_user(clients["owner"], cast.owner, **change)
        assert status == 200 and "no owner left" in text


def test_a_new_person_signs_in_and_being_switched_off_ends_it_at_once(cast: Cast, clients: dict[str, Client]) -> None:
    body = {"email": "New.Person@example.com", "name": "New", "role": "operator", "is_active": "on"}
    refused = clients["admin"].post("/admin/tenants/user/add/", body)
    assert refused.status_code == 200 and "needs a password" in refused.content.decode()
    made = clients["admin"].post("/admin/tenants/user/add/", {**body, "new_password": "correct horse battery"})
    assert made.status_code == 302, made.content.decode()
    with tenant_scope(cast.acme.id):
        user = User.objects.get(email="new.person@example.com")
    newcomer = signed_in(Person(user, "", cast.user.principal))
    assert newcomer.get("/").status_code == 200
    assert save_user(clients["admin"], Person(user, "", cast.user.principal), is_active="")[0] == 302
    assert newcomer.get("/").status_code == 302


def test_an_owner_says_whether_answers_are_kept(cast: Cast, clients: dict[str, Client]) -> None:
    url, body = f"/admin/tenants/tenant/{cast.acme.id}/change/", {"name": "Acme", "session_tokens": "2000000"}
    refused = clients["owner"].post(url, {**body, "answer_cache": "sometimes"})
    assert refused.status_code == 200 and "sometimes is not one of the available choices" in refused.content.decode()
    assert clients["owner"].post(url, {**body, "answer_cache": "off"}).status_code == 302
    assert clients["operator"].post(url, {**body, "answer_cache": "exact"}).status_code == 403
    with tenant_scope(cast.acme.id):
        assert Tenant.objects.get().answer_cache == "off"


def test_a_limit_below_what_is_booked_is_refused_and_nothing_is_changed(cast: Cast, clients: dict[str, Client]) -> None:
    with tenant_scope(cast.acme.id):
        envelope = Envelope.objects.filter(level="tenant").get()
        Envelope.objects.filter(id=envelope.id).update(tokens_spent=500)
    url = f"/admin/budgets/envelope/{envelope.id}/change/"
    refused = clients["admin"].post(url, {"tokens_limit": "499", "usd_limit": ""}, follow=True)
    assert "already spent or held" in refused.content.decode()
    accepted = clients["admin"].post(url, {"tokens_limit": "500", "usd_limit": "1.5"}, follow=True)
    assert "already spent or held" not in accepted.content.decode()
    with tenant_scope(cast.acme.id):
        envelope.refresh_from_db()
        Envelope.objects.filter(id=envelope.id).update(tokens_limit=None)
    assert (envelope.tokens_limit, envelope.tokens_spent) == (500, 500)
    assert clients["operator"].post(url, {"tokens_limit": "1", "usd_limit": ""}).status_code == 403


def test_the_ledger_can_only_be_read(cast: Cast, clients: dict[str, Client]) -> None:
    assert clients["owner"].get("/admin/budgets/ledgerentry/add/").status_code == 403
    assert clients["owner"].get("/admin/decisions/policydecision/add/").status_code == 403


def test_a_key_that_is_switched_off_opens_nothing(cast: Cast, clients: dict[str, Client]) -> None:
    someone = person(cast.acme, "someone", Role.USER)
    with tenant_scope(cast.acme.id):
        key = ApiKey.objects.get(user=someone.user)
    asked = {"headers": {"X-API-Key": someone.api_key}}
    assert Client().get("/api/v1/tasks", **asked).status_code == 200
    assert clients["admin"].post(f"/admin/tenants/apikey/{key.id}/change/", {"name": "test"}).status_code == 302
    assert Client().get("/api/v1/tasks", **asked).status_code == 401


def test_a_key_that_is_switched_off_stays_so(cast: Cast, clients: dict[str, Client]) -> None:
    someone = person(cast.acme, "someone", Role.USER)
    with tenant_scope(cast.acme.id):
        key = ApiKey.objects.get(user=someone.user)
    page, asked = f"/admin/tenants/apikey/{key.id}/change/", {"headers": {"X-API-Key": someone.api_key}}
    assert 'name="is_active"' in clients["owner"].get(page).content.decode()
    assert clients["owner"].post(page, {"name": "leaked"}).status_code == 302
    assert 'name="is_active"' not in clients["owner"].get(page).content.decode()
    assert clients["owner"].post(page, {"name": "renamed", "is_active": "on"}).status_code == 302
    assert Client().get("/api/v1/tasks", **asked).status_code == 401
    with tenant_scope(cast.acme.id):
        key.refresh_from_db()
    assert (key.name, key.is_active) == ("renamed", False)


def test_a_key_that_is_revoked_while_it_is_looked_at_stays_so(cast: Cast) -> None:
    """Between the reading of the row for the form and its saving."""
    someone = person(cast.acme, "someone", Role.USER)
    with tenant_scope(cast.acme.id):
        key = ApiKey.objects.get(user=someone.user)
        ApiKey.objects.filter(id=key.id).update(is_active=False)
        key.name = "renamed"
        page = ApiKeyPage(ApiKey, site)
        page.save_model(RequestFactory().post("/"), key, SimpleNamespace(changed_data=["name"]), change=True)
        key.refresh_from_db()
    assert (key.name, key.is_active) == ("renamed", False)


def test_each_change_is_kept_with_who_and_what_but_no_password(cast: Cast, clients: dict[str, Client]) -> None:
    who = person(cast.acme, "watched", Role.USER)
    changes = {"role": "operator", "new_password": "another long passphrase"}
    assert save_user(clients["admin"], who, **changes)[0] == 302
    with tenant_scope(cast.acme.id):
        entry = AuditEntry.objects.filter(subject=who.user.email).get()
    assert (entry.actor_email, entry.action) == (cast.admin.user.email, "user.changed")
    assert entry.detail == {"role": ["user", "operator"], "new_password": "set"}
    assert "passphrase" not in clients["owner"].get("/admin/audit/auditentry/").content.decode()


def test_the_trail_can_be_neither_changed_nor_deleted_nor_read_by_a_stranger(cast: Cast) -> None:
    with tenant_scope(cast.globex.id):
        assert not AuditEntry.objects.filter(actor=cast.admin.user.id).exists()
    for forbidden in (lambda rows: rows.update(action="x"), lambda rows: rows.delete()):
        with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(cast.acme.id):
            forbidden(AuditEntry.objects.all())
