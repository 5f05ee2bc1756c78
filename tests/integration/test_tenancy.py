"""What is another tenant's does not exist: by the API, by a raw query, by the database's own catalogue."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from django.db import connections, transaction

from tests.support.cast import Cast, person
from tests.support.farm import Farm
from tests.support.services import Services
from webapp.agent_tasks.models import Task
from webapp.common.errors import TenantScopeConflict, TenantScopeMissing
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task
from webapp.tenants.models import Role
from webapp.tenants.selectors import principal_of_key
from webapp.tenants.services import create_tenant


@pytest.fixture
def task(cast: Cast) -> Task:
    return submit_task(principal=cast.owner.principal, submission=Submission(query="Ours alone"))


def test_a_raw_query_in_another_scope_finds_nothing(cast: Cast, task: Task) -> None:
    with tenant_scope(cast.globex.id):
        assert not Task.objects.filter(id=task.id).exists()
        assert all(row.tenant_id == cast.globex.id for row in Task.objects.all())
    with tenant_scope(cast.acme.id):
        assert Task.objects.filter(id=task.id).exists()


def test_who_presents_a_key_inside_a_transaction_is_known_and_no_scope_stays_open(cast: Cast, task: Task) -> None:
    with transaction.atomic():
        holder = principal_of_key(cast.owner.api_key)
        assert holder and holder.tenant_id == cast.acme.id
        assert principal_of_key(cast.owner.api_key[:-4] + "0000") is None
        with pytest.raises(TenantScopeMissing):
            list(Task.objects.all())


def test_in_a_tenants_scope_the_key_of_another_tenant_is_a_conflict(cast: Cast, task: Task) -> None:
    with tenant_scope(cast.acme.id):
        with pytest.raises(TenantScopeConflict):
            principal_of_key(cast.stranger.api_key)
        assert principal_of_key(cast.owner.api_key) and Task.objects.filter(id=task.id).exists()


def test_a_query_without_a_scope_is_an_error_and_not_an_empty_list(task: Task) -> None:
    with pytest.raises(TenantScopeMissing):
        list(Task.objects.all())


def test_a_lazy_query_that_leaves_its_scope_is_an_error(cast: Cast) -> None:
    with tenant_scope(cast.acme.id):
        lazy = Task.objects.all()
    with pytest.raises(TenantScopeMissing):
        list(lazy)


def test_a_scope_inside_another_tenants_scope_is_refused(cast: Cast) -> None:
    with tenant_scope(cast.acme.id), pytest.raises(TenantScopeConflict), tenant_scope(cast.globex.id):
        pass


def test_a_row_for_another_tenant_cannot_be_written(cast: Cast, task: Task) -> None:
    from django.db import ProgrammingError

    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(cast.globex.id):
        task.tenant_id = cast.acme.id
        Task.objects.create(
            tenant_id=cast.acme.id,
            user_id=task.user_id,
            session_id=task.session_id,
            query="smuggled",
            mode="simple",
            complexity=0,
        )


def test_the_scope_does_not_outlive_its_transaction(cast: Cast) -> None:
    with tenant_scope(cast.acme.id):
        pass
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT current_setting('hartley.tenant', true)")
        assert cursor.fetchone()[0] in (None, "")


def test_every_table_with_a_tenant_has_forced_row_level_security(services: Services) -> None:
    query = """
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, count(p.polname)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        LEFT JOIN pg_policy p ON p.polrelid = c.oid
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace GROUP BY 1, 2"""
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
        tables = admin.execute(query).fetchall()
    assert len(tables) >= 9
    assert [name for name, forced, policies in tables if not forced or policies != 1] == []


def test_the_application_role_can_neither_bypass_nor_change_the_schema(services: Services) -> None:
    with psycopg.connect(services.env["HARTLEY_DB_APP_URL"]) as app:
        rights = app.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert rights == (False, False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (id int)")


@pytest.mark.parametrize("suffix", ["", "/events", "/steps", "/control-state", "/files/" + "0" * 64])
def test_the_stranger_finds_nothing_on_any_route(farm: Farm, cast: Cast, suffix: str) -> None:
    task = farm.submit(cast.owner.api_key, "What is 2 + 2?")
    assert farm.call(cast.stranger.api_key, f"/api/v1/tasks/{task}{suffix}")[0] == 404
    assert farm.call(cast.user.api_key, f"/api/v1/tasks/{task}{suffix}")[0] == 404


def test_the_stranger_can_neither_listen_nor_cancel_nor_list(farm: Farm, cast: Cast) -> None:
    task = farm.submit(cast.owner.api_key, "What is 3 + 3?")
    assert farm.call(cast.stranger.api_key, f"/api/v1/stream/sse?workflow_id={task}")[0] == 404
    assert farm.call(cast.stranger.api_key, f"/api/v1/tasks/{task}/cancel", {}, "POST")[0] == 404
    newcomer = person(create_tenant(name="Initech", tier="enterprise", session_tokens=10_000), "owner", Role.OWNER)
    assert farm.call(newcomer.api_key, "/api/v1/tasks")[1] == {"tasks": [], "total_count": 0}
    listed = farm.call(cast.stranger.api_key, "/api/v1/tasks?limit=100")[1]["tasks"]
    assert task not in {row["task_id"] for row in listed}
    assert "6" in farm.finished(cast.owner.api_key, task)["result"]


def test_a_strangers_session_name_opens_a_session_of_their_own(farm: Farm, cast: Cast) -> None:
    name = f"shared-{uuid4().hex[:8]}"
    ours = farm.submit(cast.owner.api_key, "What is 1 + 1?", session_id=name)
    theirs = farm.submit(cast.stranger.api_key, "What is 1 + 1?", session_id=name)
    listed = farm.call(cast.stranger.api_key, f"/api/v1/tasks?session_id={name}")[1]
    assert [row["task_id"] for row in listed["tasks"]] == [theirs] != [ours]


@pytest.mark.parametrize("key", ["", "sk_" + "0" * 64, "nonsense"])
def test_without_a_valid_key_every_route_answers_401(farm: Farm, key: str) -> None:
    for path in ("/api/v1/tasks", f"/api/v1/tasks/{uuid4()}", f"/api/v1/stream/sse?workflow_id={uuid4()}"):
        assert farm.call(key, path)[0] == 401
