"""A model fails, is slow, is renamed, removed or frozen while tasks run: who answers, what is paid, what is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.support.cast import Cast, make_cast, operate_platform
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.services import Services
from webapp.agent_tasks.models import Task
from webapp.budgets.models import Envelope, Hold
from webapp.catalogue.models import CatalogueVersion
from webapp.catalogue.versions import save_version
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze
from webapp.orchestration.completions import COMPLETE, ask
from webapp.orchestration.control import cancel_task
from webapp.orchestration.freezes import freeze, thaw
from webapp.orchestration.steps import NewStep
from webapp.orchestration.submit import Submission, submit_task
from webapp.progress.models import Event

FIRST, SECOND = "groq/openai/gpt-oss-20b", "openai/gpt-4o-mini"
TIER = "[{provider: groq, model: openai/gpt-oss-20b}, {provider: openai, model: gpt-4o-mini}]"
NARROW = "mistral-small-2603"
SAID: list[dict[str, Any]] = [{"role": "user", "content": "What is 2 + 2?"}]
GONE = {"fault": {"status": 404, "message": "The model `openai/gpt-oss-20b` does not exist"}}


@pytest.fixture(scope="module")
def cast() -> Cast:
    """Acme operates the platform."""
    cast = make_cast()
    operate_platform(cast.acme)
    return cast


@pytest.fixture(scope="module")
def first() -> Iterator[ModelServer]:
    yield from _server()


@pytest.fixture(scope="module")
def second() -> Iterator[ModelServer]:
    yield from _server()


def _server() -> Iterator[ModelServer]:
    server = ModelServer()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module", autouse=True)
def _worker(
    services: Services, cast: Cast, first: ModelServer, second: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    env = {
        "GROQ_BASE_URL": first.base_url,
        "GROQ_API_KEY": "sk-scripted",
        "OPENAI_BASE_URL": second.base_url,
        "OPENAI_API_KEY": "sk-scripted",
        "MISTRAL_BASE_URL": first.base_url,
        "MISTRAL_API_KEY": "sk-scripted",
        "CONFIG__PROVIDERS__MISTRAL__CONNECTIONS": "1",
        "CONFIG__STRATEGY": "quality",
    }
    farm = Farm(services, env, tmp_path_factory.mktemp("failover"))
    farm.forget_limits()
    with tenant_scope(cast.acme.id):
        CatalogueVersion.objects.filter(active=True).update(active=False)
        save_version(actor=cast.admin.user, source=f"tiers: {{small: {TIER}}}", note="two models")
    try:
        farm.launch("worker-llm")
        yield
    finally:
        farm.stop()
        with tenant_scope(cast.acme.id):
            CatalogueVersion.objects.filter(active=True).update(active=False)


@pytest.fixture(autouse=True)
def _fresh(first: ModelServer, second: ModelServer) -> None:
    for server in (first, second):
        server.reset()
        server.script([{"reply": {"text": "It is four."}}])


def completion(cast: Cast, **options: Any) -> UUID:
    asked = {"messages": SAID, "tools": [], "options": options, "stream": False}
    return ask(principal=cast.user.principal, kind=COMPLETE, query="x", asked=asked, session=None, place=None).id


def two_turns(cast: Cast) -> UUID:
    """Of two agents, the second after the first."""
    given = {"role": "", "needs": [], "turn": 1}
    steps = [NewStep("llm.turn", "one", "First", given)]
    steps.append(NewStep("llm.turn", "two", "Second", given, after=(0,), is_final=True))
    submission = Submission(query="In two turns", mode="simple")
    return submit_task(principal=cast.user.principal, submission=submission, steps=steps).id


def finished(cast: Cast, task: UUID) -> Task:
    def ended() -> Task | None:
        with tenant_scope(cast.acme.id):
            return Task.objects.filter(id=task, finished_at__isnull=False).first()

    return eventually(ended)


def holds(cast: Cast, task: UUID) -> list[tuple[str, str, str, bool]]:
    """Model, state, error, and whether at the worst case, in the order of the calls."""
    with tenant_scope(cast.acme.id):
        rows = Hold.objects.filter(task_id=task).order_by("step", "fence", "call")
        return [(f"{row.provider}/{row.model}", row.state, row.error, row.worst_case) for row in rows]


def told(cast: Cast, task: UUID, *types: str) -> list[tuple[str, str, dict[str, Any]]]:
    with tenant_scope(cast.acme.id):
        rows = Event.objects.filter(task_id=task, type__in=types).order_by("seq")
        return [(row.type, row.message, row.payload) for row in rows]


def check_books(cast: Cast, task: UUID) -> None:
    with tenant_scope(cast.acme.id):
        envelope = Envelope.objects.get(level="task", owner_id=task)
        rows = list(Hold.objects.filter(task_id=task))
    assert envelope.tokens_held == 0 and envelope.usd_held == 0
    assert envelope.tokens_spent == sum(row.prompt_tokens + row.completion_tokens for row in rows)
    assert envelope.usd_spent == sum(row.usd for row in rows)


TROUBLE = ("ERROR_OCCURRED", "ERROR_RECOVERY")


def test_the_second_model_answers_for_the_first_and_both_calls_are_told_and_accounted(
    cast: Cast, first: ModelServer
) -> None:
    first.script([{"fault": {"status": 503, "message": "no room"}}])
    task = completion(cast)
    assert finished(cast, task).result == "It is four."
    assert holds(cast, task) == [(FIRST, "released", "model.overloaded", False), (SECOND, "settled", "", False)]
    failed, asked = told(cast, task, *TROUBLE)
    assert failed[0] == "ERROR_OCCURRED" and "groq" in failed[1] and "no room" in failed[1]
    assert failed[2]["code"] == "model.overloaded" and failed[2]["model"] == "openai/gpt-oss-20b"
    assert asked[:2] == ("ERROR_RECOVERY", f"The model before failed: {SECOND} is asked")
    check_books(cast, task)
    with tenant_scope(cast.globex.id):
        assert not Hold.objects.filter(task_id=task).exists() and not Event.objects.filter(task_id=task).exists()


def test_when_all_fail_each_failure_is_told_and_the_first_is_the_tasks(
    cast: Cast, first: ModelServer, second: ModelServer
) -> None:
    first.script([GONE])
    second.script([{"fault": {"status": 401}}])
    task = completion(cast)
    lost = finished(cast, task)
    assert lost.state == "failed" and lost.error and lost.error["code"] == "model.gone"
    codes = [payload["code"] for _, _, payload in told(cast, task, "ERROR_OCCURRED")]
    assert codes == ["model.gone", "model.credentials_refused"]
    assert [hold[1:3] for hold in holds(cast, task)] == [("released", code) for code in codes]


def test_of_two_that_run_beside_each_other_the_slow_one_is_closed_and_paid_for_once(
    cast: Cast, first: ModelServer
) -> None:
    first.script([{"reply": {"text": "At last.", "delay_s": 20}}])
    task = completion(cast, hedge=True, hedge_s=0.1)
    assert finished(cast, task).result == "It is four."
    eventually(lambda: [entry["outcome"] for entry in first.log()] == ["disconnected"])
    assert holds(cast, task) == [(FIRST, "settled", "call.stopped", True), (SECOND, "settled", "", False)]
    assert [what for _, what, _ in told(cast, task, *TROUBLE)] == [f"The model before takes long: {SECOND} is asked"]
    check_books(cast, task)


def test_who_is_stopped_while_it_waits_for_its_turn_owes_nothing(cast: Cast, first: ModelServer) -> None:
    """One connection, and another call has it."""
    with first.held():
        before = completion(cast, model=NARROW)
        eventually(first.log)
        task = completion(cast, model=NARROW)
        eventually(lambda: holds(cast, task))
        cancel_task(principal=cast.user.principal, task=task, reason="enough")
        eventually(lambda: holds(cast, task) == [(f"mistral/{NARROW}", "released", "call.stopped", False)])
    assert finished(cast, before).state == "completed" and len(first.log()) == 1


def test_a_model_renamed_between_two_turns_is_failed_over(cast: Cast, first: ModelServer) -> None:
    first.script([{"match": {"nth": 1}, "reply": {"text": "It is four."}}, GONE])
    task = two_turns(cast)
    assert finished(cast, task).state == "completed"
    asked = [(FIRST, "settled", ""), (FIRST, "released", "model.gone"), (SECOND, "settled", "")]
    assert [hold[:3] for hold in holds(cast, task)] == asked
    assert "does not exist" in told(cast, task, "ERROR_OCCURRED")[0][1]


def test_who_asks_for_a_renamed_model_by_its_name_is_told_so(cast: Cast, first: ModelServer) -> None:
    first.script([GONE])
    task = completion(cast, model="openai/gpt-oss-20b")
    lost = finished(cast, task)
    assert lost.state == "failed" and lost.error and lost.error["code"] == "model.gone"
    assert "groq" in lost.error["message"] and "does not exist" in lost.error["message"]
    assert holds(cast, task) == [(FIRST, "released", "model.gone", False)]


def test_a_frozen_model_keeps_the_next_turn_waiting_and_says_who_and_why(cast: Cast, first: ModelServer) -> None:
    with first.held():
        task = two_turns(cast)
        eventually(first.log)
        with tenant_scope(cast.acme.id):
            frozen = freeze(actor=cast.owner.user, kind="model", subject=FIRST, reason="it leaks")
    try:
        ((_, message, payload),) = eventually(lambda: told(cast, task, "STEP_FROZEN"))
        assert message.startswith(f"Frozen: model {FIRST}, by {cast.owner.user.email}") and "it leaks" in message
        assert payload["subject"] == FIRST and len(holds(cast, task)) == 1, "what ran has ended, nothing else was held"
    finally:
        with tenant_scope(cast.acme.id):
            thaw(actor=cast.owner.user, frozen=list(Freeze.objects.filter(id=frozen.id)))
    assert finished(cast, task).state == "completed"
    check_books(cast, task)


def test_a_model_removed_between_two_turns_is_not_asked_again(
    cast: Cast, first: ModelServer, second: ModelServer
) -> None:
    """The call that is under way ends as it began."""
    with first.held():
        task = two_turns(cast)
        eventually(first.log)
        with tenant_scope(cast.acme.id):
            save_version(actor=cast.admin.user, source="tiers: {small: [{provider: openai, model: gpt-4o-mini}]}")
        eventually(lambda: completion(cast) and second.log(), every_s=0.1)
    assert finished(cast, task).state == "completed"
    assert [hold[:2] for hold in holds(cast, task)] == [(FIRST, "settled"), (SECOND, "settled")]
    assert not told(cast, task, *TROUBLE)
