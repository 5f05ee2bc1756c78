"""A tenant's own policies: edited in the admin, in force in every worker within two seconds. Freezes: at once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from tests.support.cast import Cast, Person, make_cast
from tests.support.farm import Farm, eventually
from tests.support.pages import at_most, signed_in
from webapp.audit.models import AuditEntry
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import PolicyModule, PolicyVersion
from webapp.orchestration.dispatch import redis

QUESTION = "What is (12.5 + 7.5) * 3?"
DENY_TASKS = """package hartley.own

import rego.v1

deny contains "tasks are closed today" if input.point == "task_admission"
"""
DENY_TOOLS = DENY_TASKS.replace("task_admission", "tool_call").replace("tasks are", "tools are")
DENY_MODELS = DENY_TASKS.replace("task_admission", "model_call").replace("tasks are", "models are")
ALLOWS_ALL = DENY_TASKS.replace('if input.point == "task_admission"', "if false")
IN_FORCE_S = 2.0
OFFLINE = "offline/rules"


@pytest.fixture
def crew() -> Cast:
    return make_cast()


@pytest.fixture
def admin(crew: Cast) -> Client:
    return signed_in(crew.admin)


def save(admin: Client, crew: Cast, source: str, name: str = "rules", mode: str = "enforce") -> str:
    """Through the admin's form; the text of the page that it leads to."""
    body: dict[str, Any] = {"mode": mode, "source": source, "note": "because", **MANAGEMENT}
    with tenant_scope(crew.acme.id):
        module = PolicyModule.objects.filter(name=name).first()
    path = f"{module.id}/change/" if module else "add/"
    answer = admin.post(f"/admin/decisions/policymodule/{path}", {**body, "name": name}, follow=True)
    return answer.content.decode()


MANAGEMENT = {f"versions-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")}


def run(farm: Farm, who: Person) -> dict[str, Any]:
    return farm.finished(who.api_key, farm.submit(who.api_key, QUESTION))


def decided(farm: Farm, who: Person, task: str) -> list[dict[str, Any]]:
    return [event["payload"] for event in farm.events(who.api_key, task) if event["type"] == "POLICY_DECISION"]


@pytest.mark.parametrize(
    ("source", "point"), [(DENY_TASKS, "task_admission"), (DENY_MODELS, "model_call"), (DENY_TOOLS, "tool_call")]
)
def test_an_edit_counts_in_every_worker_within_two_seconds_also_without_redis(
    source: str, point: str, farm: Farm, crew: Cast, admin: Client
) -> None:
    """The points are decided in three workers: control (admission), llm (models) and tools."""
    assert run(farm, crew.user)["status"] == "TASK_STATUS_COMPLETED"
    assert "was added successfully" in save(admin, crew, source)
    saved_at = time.monotonic()
    redis().flushall()
    time.sleep(max(0.0, saved_at + IN_FORCE_S - time.monotonic()))  # the promise: not later than this
    body = run(farm, crew.operator)
    answers = [answer for answer in decided(farm, crew.operator, body["task_id"]) if answer["point"] == point]
    assert answers and {(answer["effect"], answer["rule"]) for answer in answers} == {("deny", "own.rules")}
    assert run(farm, crew.stranger)["status"] == "TASK_STATUS_COMPLETED", "the other tenant goes on"


def test_a_broken_module_comes_back_with_its_line_and_nothing_is_saved(crew: Cast, admin: Client) -> None:
    assert "was added successfully" in save(admin, crew, DENY_TASKS)
    for broken, told in (
        (DENY_TASKS.replace("if input", "if if input"), "rules line 5:"),
        (DENY_TASKS + "\nx := opa.runtime()\n", "rules line 7:"),
        (DENY_TASKS.replace("hartley.own", "hartley.limits"), "the package must be hartley.own"),
        (DENY_TASKS.replace("deny contains", "allow contains"), "neither a rule deny nor"),
        ("package hartley.own\n\nimport rego.v1\n\ndeny := true\n", "no set of texts"),
    ):
        assert told in save(admin, crew, broken), told
    with tenant_scope(crew.acme.id):
        assert [version.source for version in PolicyVersion.objects.all()] == [DENY_TASKS]


def test_a_module_that_never_ends_is_refused_in_time(crew: Cast, admin: Client, settings: Any) -> None:
    settings.POLICY_CHECK_S = 5
    endless = """package hartley.own

import rego.v1

deny contains "x" if {
	count([n | some a in numbers.range(1, 3000); some b in numbers.range(1, 3000); n := a * b]) > 0
}
"""
    began = time.monotonic()
    answer = save(admin, crew, endless)
    assert "within 5 s" in answer or "ended the policy engine" in answer
    assert time.monotonic() - began < 60


def test_a_module_that_hangs_when_it_is_asked_denies_its_own_tenant_and_holds_up_no_other(
    farm: Farm, crew: Cast, admin: Client
) -> None:
    """Checking it finds nothing, since it is slow only on a real task."""
    hangs = """package hartley.own

import rego.v1

deny contains "x" if {
	input.task.query_chars > 0
	regex.match("^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")
}
"""
    assert "was added successfully" in save(admin, crew, hangs)
    time.sleep(IN_FORCE_S)
    task = farm.submit(crew.user.api_key, QUESTION)
    assert run(farm, crew.stranger)["status"] == "TASK_STATUS_COMPLETED"
    body = farm.finished(crew.user.api_key, task)
    assert body["status"] == "TASK_STATUS_FAILED"
    assert "own.broken" in body["error"] and "gave no answer within 1 s" in body["error"]


def test_a_module_can_not_allow_what_hartleys_own_policy_denies(farm: Farm, crew: Cast, admin: Client) -> None:
    assert "was added successfully" in save(admin, crew, ALLOWS_ALL)
    task = farm.submit(crew.user.api_key, "Run Python to count the rows of the attached file.")
    answers = decided(farm, crew.user, farm.finished(crew.user.api_key, task)["task_id"])
    refused = [answer for answer in answers if answer["subject"] == "python_executor"]
    assert all(answer["effect"] == "deny" for answer in refused), "a plain user has no permission for code"


def test_an_earlier_version_is_put_in_force_again_and_each_change_is_kept(
    farm: Farm, crew: Cast, admin: Client
) -> None:
    save(admin, crew, ALLOWS_ALL)
    assert "was changed successfully" in save(admin, crew, DENY_TASKS)
    with tenant_scope(crew.acme.id):
        first = PolicyVersion.objects.get(number=1)
    body = {"action": "put_in_force", "_selected_action": [first.id]}
    text = admin.post("/admin/decisions/policyversion/", body, follow=True).content.decode()
    assert "Version 1 of rules is in force" in text
    eventually(lambda: run(farm, crew.user)["status"] == "TASK_STATUS_COMPLETED")
    with tenant_scope(crew.acme.id):
        kept = list(AuditEntry.objects.order_by("id").values_list("action", "actor_email"))
    assert kept == [(action, crew.admin.user.email) for action in ("policy.saved", "policy.saved", "policy.activated")]


def test_a_dry_run_tells_and_does_nothing(farm: Farm, crew: Cast, admin: Client) -> None:
    save(admin, crew, DENY_TASKS, mode="dry_run")
    time.sleep(IN_FORCE_S)
    body = run(farm, crew.user)
    assert body["status"] == "TASK_STATUS_COMPLETED"
    told = [answer.get("dry_run") for answer in decided(farm, crew.user, body["task_id"])]
    assert ["deny by own.rules: tasks are closed today"] in told


def why_not_moving(farm: Farm, who: Person, task: str) -> str:
    """Of the first step that a freeze stops; empty while there is none."""
    said = [step["why"] or "" for step in farm.steps(who.api_key, task)]
    return next((why for why in said if why.startswith("Frozen: ")), "")


def thawed(operator: Client, farm: Farm, who: Person, task: str) -> dict[str, Any]:
    """All that is frozen, in the admin; the task as it ends then."""
    page = operator.get("/admin/decisions/freeze/?thawed_at__isempty=1").content.decode()
    frozen = [part.split('"')[0] for part in page.split('name="_selected_action" value="')[1:]]
    operator.post("/admin/decisions/freeze/", {"action": "thaw", "_selected_action": frozen})
    return farm.finished(who.api_key, task)


def test_a_freeze_in_the_admin_stops_all_work_of_the_tenant_until_it_is_thawed(farm: Farm, crew: Cast) -> None:
    operator = signed_in(crew.operator)
    made = operator.post("/admin/decisions/freeze/add/", {"kind": "tenant", "subject": "", "reason": "an incident"})
    assert made.status_code == 302
    task = farm.submit(crew.owner.api_key, QUESTION)
    why = eventually(lambda: why_not_moving(farm, crew.owner, task))
    assert why.startswith(f"Frozen: tenant, by {crew.operator.user.email} since ") and why.endswith(": an incident")
    assert run(farm, crew.stranger)["status"] == "TASK_STATUS_COMPLETED"
    body = farm.call(crew.owner.api_key, f"/api/v1/tasks/{task}")[1]
    assert body["status"] == "TASK_STATUS_RUNNING" and body["usage"]["total_tokens"] == 0
    assert thawed(operator, farm, crew.owner, task)["status"] == "TASK_STATUS_COMPLETED"
    with tenant_scope(crew.acme.id):
        kept = list(AuditEntry.objects.order_by("id").values_list("action", "actor_email"))
    assert kept == [(action, crew.operator.user.email) for action in ("freeze.set", "freeze.thawed")]


def test_a_frozen_model_is_waited_for_and_a_killed_worker_changes_nothing(farm: Farm, crew: Cast) -> None:
    operator = signed_in(crew.operator)
    nameless = operator.post("/admin/decisions/freeze/add/", {"kind": "model", "subject": "", "reason": "x"})
    assert "must be the model as provider/model" in nameless.content.decode()
    operator.post("/admin/decisions/freeze/add/", {"kind": "model", "subject": OFFLINE, "reason": "its prices"})
    task = farm.submit(crew.owner.api_key, QUESTION)
    eventually(lambda: why_not_moving(farm, crew.owner, task))
    farm.kill("worker-llm")
    farm.launch("worker-llm")
    asked = [event["type"] for event in farm.events(crew.owner.api_key, task)]
    assert asked.count("STEP_FROZEN") == 1 and not {"LLM_PROMPT", "BUDGET_HELD"} & set(asked)
    assert thawed(operator, farm, crew.owner, task)["status"] == "TASK_STATUS_COMPLETED"


def test_the_pages_are_few_queries_and_only_for_those_who_may(crew: Cast, admin: Client) -> None:
    for number in range(5):
        save(admin, crew, ALLOWS_ALL, name=f"m{number}")
    with tenant_scope(crew.acme.id):
        module = PolicyModule.objects.filter(name="m1").get()
    for path in ("policymodule/", f"policymodule/{module.id}/change/", "policyversion/", "freeze/", "freeze/add/"):
        with at_most(20):
            assert admin.get(f"/admin/decisions/{path}").status_code == 200, path
        assert signed_in(crew.user).get(f"/admin/decisions/{path}").status_code == 302, path
    assert signed_in(crew.operator).get("/admin/decisions/policymodule/add/").status_code == 403
    assert signed_in(crew.stranger).get(f"/admin/decisions/policymodule/{module.id}/change/").status_code == 302
