"""A tenant's prompt templates: versions, what is in force, and what a task is pinned to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import ProgrammingError, connections

from tests.support.cast import Cast
from tests.support.driven import claim
from tests.support.pages import at_most
from webapp.agent_tasks.models import Task
from webapp.audit.models import AuditEntry
from webapp.common.errors import Invalid, NotFound
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.completions import COMPLETE, ask
from webapp.orchestration.submit import Submission, submit_task
from webapp.prompts.models import PromptInForce, PromptTemplate
from webapp.prompts.release import all_shipped, shipped
from webapp.prompts.selectors import find_current, find_version, pins, texts_of, versions_of
from webapp.prompts.services import put_in_force, save_version
from workers.context import task_context

OWN = "You are an agent ({role}) of Acme, in a {params.tone} tone."


def save(crew: Cast, text: str = OWN, name: str = "agent") -> PromptTemplate:
    with tenant_scope(crew.acme.id):
        return save_version(actor=crew.owner.user, name=name, text=text, note="why")


def submit(crew: Cast, **context: object) -> Task:
    who = crew.owner.principal
    return submit_task(principal=who, submission=Submission(query="What is 2 + 2?", context=context))


def test_a_version_is_in_force_at_once_and_an_earlier_one_can_be_again(crew: Cast) -> None:
    first, second = save(crew), save(crew, OWN + " Be brief.")
    assert (first.version, second.version) == (1, 2)
    with tenant_scope(crew.acme.id):
        assert find_current(crew.acme.id, "agent").text == second.text
        put_in_force(actor=crew.owner.user, name="agent", version="1")
        assert pins(crew.acme.id) == {"agent": 1} and find_current(crew.acme.id, "agent").text == OWN
        put_in_force(actor=crew.owner.user, name="agent", version="shipped")
        assert pins(crew.acme.id) == {} and find_current(crew.acme.id, "agent").text == shipped("agent")
        assert [row.version for row in versions_of(crew.acme.id, "agent")] == [2, 1], "all are kept"
        kept = AuditEntry.objects.order_by("id").values_list("action", "subject", "detail__before", "detail__version")
        assert list(kept)[-4:] == [
            ("prompt.saved", "agent", 0, 1), ("prompt.saved", "agent", 1, 2),
            ("prompt.activated", "agent", 2, 1), ("prompt.activated", "agent", 1, 0),
        ]  # fmt: skip


def test_a_broken_one_is_not_saved(crew: Cast) -> None:
    save(crew)
    for wrong, field in ((OWN, "text"), ("no role", "text"), ("", "text")):
        with pytest.raises(Invalid) as refused:
            save(crew, wrong)
        assert refused.value.field == field
    with tenant_scope(crew.acme.id):
        assert PromptTemplate.objects.count() == 1
        with pytest.raises(NotFound):
            put_in_force(actor=crew.owner.user, name="agent", version="2")


def test_two_who_save_at_once_get_versions_of_their_own(crew: Cast) -> None:
    def one(number: int) -> int:
        try:
            return save(crew, f"{OWN} {number}").version
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(8))) == list(range(1, 9))


@pytest.mark.parametrize(
    "statement", ["UPDATE prompts_prompttemplate SET text = 'x'", "DELETE FROM prompts_prompttemplate"]
)
def test_the_application_can_change_no_version(crew: Cast, statement: str) -> None:
    save(crew)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        tenant_scope(crew.acme.id),
        connections["default"].cursor() as cursor,
    ):
        cursor.execute(statement)


def test_all_texts_are_read_at_once_each_at_its_version(crew: Cast) -> None:
    save(crew), save(crew, OWN + " Be brief."), save(crew, "Write for Acme.", "editor")
    with tenant_scope(crew.acme.id):
        with at_most(1):
            texts = texts_of(crew.acme.id, {"agent": 1, "editor": 1, "planner": 0})
        assert texts == all_shipped() | {"agent": OWN, "editor": "Write for Acme."}
        with at_most(0):
            assert texts_of(crew.acme.id, {}) == all_shipped()
        with pytest.raises(NotFound):
            texts_of(crew.acme.id, {"agent": 1, "editor": 2})
    with tenant_scope(crew.globex.id), pytest.raises(NotFound):
        texts_of(crew.globex.id, {"agent": 1})


def test_another_tenant_has_none_of_it(crew: Cast) -> None:
    save(crew)
    with tenant_scope(crew.globex.id):
        assert not PromptTemplate.objects.exists() and not PromptInForce.objects.exists()
        assert not PromptTemplate.objects.filter(tenant_id=crew.acme.id).exists()
        assert find_current(crew.globex.id, "agent").text == shipped("agent")
        with pytest.raises(NotFound):
            find_version(crew.globex.id, "agent", "1")
    theirs = submit_task(principal=crew.stranger.principal, submission=Submission(query="Theirs"))
    assert theirs.prompts == {}


def test_a_task_is_pinned_when_it_is_submitted(crew: Cast) -> None:
    before = submit(crew)
    save(crew)
    own = submit(crew)
    save(crew, OWN + " Be brief.")
    with tenant_scope(crew.acme.id):
        stored = {task.id: task.prompts for task in Task.objects.all()}
    assert stored[before.id] == before.prompts == {} and stored[own.id] == own.prompts == {"agent": 1}
    assert submit(crew).prompts == {"agent": 2}
    asked = {"messages": [{"role": "user", "content": "q"}], "tools": [], "options": {}}
    single = ask(principal=crew.owner.principal, kind=COMPLETE, query="q", asked=asked, session=None, place=None)
    assert single.prompts == {}, "a single call uses no template"


def test_parameters_must_be_used_by_a_prompt_in_force(crew: Cast) -> None:
    with pytest.raises(Invalid, match="context.prompt_params: unknown: tone; no prompt in force uses any"):
        submit(crew, prompt_params={"tone": "dry"})
    save(crew)
    assert submit(crew, prompt_params={"tone": "dry"}).prompts == {"agent": 1}
    with pytest.raises(Invalid, match="unknown: toon; the prompts in force use tone"):
        submit(crew, prompt_params={"toon": "dry"})


def test_workers_read_the_version_that_a_task_is_pinned_to_and_each_tenants_own(crew: Cast) -> None:
    save(crew)
    ours = submit(crew)
    save(crew, OWN + " Be brief.")
    with tenant_scope(crew.globex.id):
        save_version(actor=crew.stranger.user, name="agent", text="{role} of Globex")
    theirs = submit_task(principal=crew.stranger.principal, submission=Submission(query="Theirs"))
    assert ours.prompts == theirs.prompts == {"agent": 1}
    for task, text in ((ours, OWN), (theirs, "{role} of Globex")):
        step = claim(task, 1)
        with tenant_scope(task.tenant_id):
            read = task_context(step).prompts
        assert read["agent"] == text and read["editor"] == shipped("editor")
