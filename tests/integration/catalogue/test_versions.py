"""Versions of the platform's catalogue: who may, what is refused, in force in the workers within two seconds, put back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.db import ProgrammingError, connections
from django.test import Client

from tests.support.cast import Cast, make_cast, operate_platform
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.pages import at_most, signed_in
from tests.support.services import Services
from tests.support.standing import Standing
from webapp.audit.models import AuditEntry
from webapp.budgets.models import Hold
from webapp.catalogue.models import CatalogueSnapshot, CatalogueVersion
from webapp.catalogue.selectors import listing, snapshot
from webapp.catalogue.versions import NotThePlatforms, save_version
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task
from workers.catalogue_rows import VersionInForce
from workers.services import Services as WorkerServices

PAGE = "/admin/catalogue/catalogueversion/"
IN_FORCE_S = 2.0
ROLES = ("user", "operator", "admin", "owner", "stranger")


@pytest.fixture(scope="module")
def cast() -> Cast:
    """Acme operates the platform; Globex does not."""
    cast = make_cast()
    operate_platform(cast.acme)
    return cast


@pytest.fixture(scope="module")
def clients(cast: Cast) -> dict[str, Client]:
    return {role: signed_in(getattr(cast, role)) for role in ROLES}


@pytest.fixture(scope="module", autouse=True)
def _shipped_again(cast: Cast) -> Iterator[None]:
    """What these tests put in force must not be in force in the next module."""
    yield
    with tenant_scope(cast.acme.id):
        CatalogueVersion.objects.filter(active=True).update(active=False)


def save(client: Client, source: str, note: str = "because") -> str:
    return client.post(f"{PAGE}add/", {"source": source, "note": note}, follow=True).content.decode()


def put_in_force(client: Client, number: int) -> str:
    chosen = CatalogueVersion.objects.get(number=number).id
    return client.post(PAGE, {"action": "put_in_force", "_selected_action": [chosen]}, follow=True).content.decode()


def own(server: ModelServer) -> str:
    """Everything is answered by a server of the platform's own."""
    pick = "[{provider: ours, model: plain-1}]"
    return f"""
providers:
  ours:
    protocol: openai
    base_url: {server.base_url}
    requests_per_minute: 1000
    connections: 10
    breaker: {{failures: 5, recovery_s: 1}}
    models: {{plain-1: {{price: {{input: 1, output: 2}}}}}}
tiers: {{small: {pick}, medium: {pick}, large: {pick}}}
"""


def newest() -> CatalogueVersion:
    found = CatalogueVersion.objects.order_by("-number").first()
    assert found
    return found


def test_versions_are_numbered_kept_compared_and_audited(cast: Cast, clients: dict[str, Client]) -> None:
    assert "was added successfully" in save(clients["admin"], "strategy: quality\n")
    first = newest()
    assert "was added successfully" in save(clients["owner"], "strategy: performance\n", "faster")
    assert (newest().number, newest().active, newest().note) == (first.number + 1, True, "faster")
    assert list(CatalogueVersion.objects.filter(active=True)) == [newest()]
    page = clients["operator"].get(f"{PAGE}{newest().id}/change/").content.decode()
    assert "-strategy: quality" in page and "+strategy: performance" in page
    assert f"Version {first.number} is in force" in put_in_force(clients["admin"], first.number)
    assert list(CatalogueVersion.objects.filter(active=True)) == [first]
    with tenant_scope(cast.acme.id):
        kept = (
            AuditEntry.objects.filter(action__startswith="catalogue.").order_by("-id").values_list("action", "detail")
        )
        assert kept[0] == ("catalogue.activated", {"before": first.number + 1, "version": first.number})
        assert kept[1] == (
            "catalogue.saved", {"before": first.number, "version": first.number + 1, "note": "faster"},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("tiers: {small: [{provider: nobody, model: x}]}", "there is no provider nobody"),
        ("providers: {openai: {colour: red}}", "providers.openai.colour"),
        ("providers: {openai: {api_key: sk-hidden-value}}", "providers.openai.api_key"),
        ("- a list", "must be a mapping"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_broken_version_comes_back_with_its_entry_and_nothing_is_saved(
    source: str, told: str, clients: dict[str, Client]
) -> None:
    before = CatalogueVersion.objects.count()
    answer = save(clients["admin"], source)
    assert told in answer and "was added" not in answer
    assert CatalogueVersion.objects.count() == before


def test_yaml_that_grows_without_end_is_refused_in_time(clients: dict[str, Client], settings: Any) -> None:
    settings.CATALOGUE_CHECK_S = 10
    layers = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    began = time.monotonic()
    answer = save(clients["admin"], "\n".join(["a0: &a0 x", *layers]))
    assert "was added" not in answer and time.monotonic() - began < 60


def test_what_is_in_force_already_is_no_new_version(cast: Cast, clients: dict[str, Client]) -> None:
    save(clients["admin"], "strategy: scored\n")
    assert "which is in force" in save(clients["owner"], "strategy: scored\n")
    with tenant_scope(cast.acme.id), pytest.raises(Invalid, match="which is in force"):
        save_version(actor=cast.admin.user, source="strategy: scored\n")


def waiting(services: Services) -> bool:
    """Whether anybody waits for another's lock."""
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
        return bool(admin.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone())


def test_of_two_first_versions_at_once_the_second_waits_and_is_the_next(cast: Cast, services: Services) -> None:
    def late() -> CatalogueVersion:
        try:
            with tenant_scope(cast.acme.id):
                return save_version(actor=cast.owner.user, source="strategy: scored\n")
        finally:
            connections["default"].close()

    with tenant_scope(cast.acme.id):
        CatalogueVersion.objects.filter(active=True).update(active=False)
    with ThreadPoolExecutor(1) as pool:
        with tenant_scope(cast.acme.id):
            first = save_version(actor=cast.admin.user, source="strategy: quality\n")
            second = pool.submit(late)
            eventually(lambda: second.done() or waiting(services))
        assert second.result(60).number == first.number + 1
    assert list(CatalogueVersion.objects.filter(active=True)) == [newest()] == [second.result()]
    with tenant_scope(cast.acme.id):
        told = AuditEntry.objects.filter(action="catalogue.saved").order_by("-id").values_list("detail", flat=True)
        assert [(detail["before"], detail["version"]) for detail in told[:2]] == [
            (first.number, first.number + 1), (None, first.number),
        ]  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_the_roles_of_the_platforms_tenant_see_and_change_it_and_nobody_else(
    role: str, clients: dict[str, Client]
) -> None:
    with at_most(20):
        seen = clients[role].get(PAGE).status_code
    assert (seen == 200) == (role in ("operator", "admin", "owner"))
    may = clients[role].get(f"{PAGE}add/").status_code == 200
    assert may == (role in ("admin", "owner"))
    shown = clients[role].get("/admin/catalogue/cataloguesnapshot/").status_code
    assert (shown == 200) == (role in ("operator", "admin", "owner"))


def test_the_service_and_the_database_refuse_other_tenants_too(cast: Cast, clients: dict[str, Client]) -> None:
    save(clients["admin"], "strategy: load_balanced\n")
    with tenant_scope(cast.globex.id), pytest.raises(NotThePlatforms):
        save_version(actor=cast.stranger.user, source="strategy: quality")
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(cast.globex.id):
        CatalogueVersion.objects.create(number=10_000, source="x", author_email="x@example.com")
    with tenant_scope(cast.globex.id):
        assert CatalogueVersion.objects.filter(active=True).update(active=False) == 0
    with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(cast.acme.id):
        CatalogueVersion.objects.filter(active=True).update(source="other")
    with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(cast.acme.id):
        CatalogueVersion.objects.all().delete()


# --- in the workers ---


@pytest.fixture(scope="module")
def farm(services: Services, standing: Standing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """Without web and beat: tasks are submitted here, and workers look for due steps themselves."""
    standing.stop()
    farm = Farm(services, {}, tmp_path_factory.mktemp("farm"))
    CatalogueSnapshot.objects.filter(id=1).update(revision="before")
    for name in ("worker-llm", "worker-control"):
        farm.launch(name)
    eventually(lambda: (told := snapshot()) and told.revision != "before", within_s=60)
    yield farm
    farm.stop()


def answered_by(cast: Cast) -> str:
    """Which provider the first call of a task is answered by now."""
    task = submit_task(principal=cast.owner.principal, submission=Submission(query="Say hello", mode="simple"))

    def provider() -> Any:
        with tenant_scope(cast.acme.id):
            settled = Hold.objects.filter(task_id=task.id, state="settled", call__gt=0)
            return settled.values_list("provider", flat=True).first()

    return str(eventually(provider))


def told_providers() -> set[str]:
    """That the worker that calls models has, as it tells."""
    return {provider["name"] for provider in (listing() or {"providers": []})["providers"]}


def test_a_version_counts_in_the_workers_within_two_seconds_and_so_does_putting_it_back(
    farm: Farm, cast: Cast, clients: dict[str, Client], model_server: ModelServer
) -> None:
    save(clients["admin"], "{}")
    assert answered_by(cast) == "offline"
    for change, provider in ((lambda: save(clients["admin"], own(model_server)), "ours"),
                             (lambda: put_in_force(clients["admin"], newest().number - 1), "offline")):  # fmt: skip
        change()
        eventually(lambda provider=provider: ("ours" in told_providers()) == (provider == "ours"))
        assert answered_by(cast) == provider
    assert configured.CATALOGUE_LOOK_S <= IN_FORCE_S / 2, "what is read must also get through"


def test_workers_tell_the_web_what_their_catalogue_comes_to(
    farm: Farm, cast: Cast, clients: dict[str, Client], model_server: ModelServer
) -> None:
    save(clients["admin"], own(model_server).replace("ours", "told"))
    told = eventually(lambda: [p for p in (listing() or {})["providers"] if p["name"] == "told"])
    assert told[0]["configured"] and told[0]["models"][0]["price"]["output"] == "2"
    kept = snapshot()
    assert kept and kept.worker.startswith("llm@") and kept.body["revision"] == kept.revision
    assert "sk-" not in str(kept.body) and model_server.base_url not in str(kept.body)
    put_in_force(clients["admin"], newest().number - 1)


def write(cast: Cast, source: str) -> None:
    """Past the check, which takes a second."""
    with tenant_scope(cast.acme.id):
        CatalogueVersion.objects.filter(active=True).update(active=False)
        CatalogueVersion.objects.create(
            number=CatalogueVersion.objects.count() + 1, source=source, author_email="x@example.com", active=True
        )


def test_while_postgres_is_away_what_is_known_stays_in_force(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    version = VersionInForce(0.01)
    write(cast, "strategy: quality")
    version.look()
    write(cast, "strategy: scored")
    with monkeypatch.context() as away:
        away.setitem(connections["default"].settings_dict, "NAME", "nowhere")
        away.setitem(connections["default"].settings_dict, "OPTIONS", {})
        connections["default"].close()
        version.look()
        assert version.text() == "strategy: quality"
    version.look()
    assert version.text() == "strategy: scored"


def test_a_version_that_this_release_can_not_use_is_passed_over_until_there_is_another(cast: Cast) -> None:
    services = WorkerServices()
    write(cast, "providers: {openai: {unheard_of: 1}}")
    services.version.look()
    assert "openai" in services.catalogue.providers and services.version.text() is None
    write(cast, "strategy: quality")
    services.version.look()
    eventually(lambda: services.catalogue.strategy == "quality")
