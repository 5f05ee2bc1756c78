"""Long conversations, with real workers: stored once, told within a window, summed up once, seen by nobody else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.support.cast import Cast, Person
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.pages import signed_in
from webapp.agent_sessions.conversations import places_of, whole
from webapp.agent_sessions.models import ConversationNode, ConversationSummary, Session
from webapp.agent_tasks.models import Step, Task
from webapp.budgets.models import Envelope, Hold, Saving
from webapp.common.errors import NotFound
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task

SUMMARY = {"system_contains": "You summarise"}
SUMMED = {"match": SUMMARY, "reply": {"text": "They spoke of coal; ask ann@example.com."}}
AGENT = {"match": {"system_contains": "You are an agent"}, "reply": {"text": "Coal."}}


@pytest.fixture(autouse=True)
def _fresh(model_server: ModelServer) -> Iterator[None]:
    model_server.reset()
    yield
    model_server.reset()


def history(count: int, topic: str | None = None) -> list[dict[str, str]]:
    """So many messages, the last of them a question; of a topic of its own, so that no test has seen it before."""
    topic = topic or uuid4().hex
    said = [
        {"role": "user" if n % 2 else "assistant", "content": f"{topic}: message {n}. " + "word " * 40}
        for n in range(count + 1)
    ]
    return said[1:] if count % 2 else [*said[:-1], {"role": "user", "content": f"{topic}: the last"}]


def complete(farm: Farm, who: Person, said: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    status, body = farm.call(who.api_key, "/v1/completions", {"messages": said, **more})
    assert status == 200, body
    return dict(body)


def step_of(cast: Cast, task: str, kind: str) -> Step:
    with tenant_scope(cast.acme.id):
        return Step.objects.filter(task_id=task, kind=kind).order_by("n")[0]


def summaries(cast: Cast) -> int:
    with tenant_scope(cast.acme.id):
        return ConversationSummary.objects.count()


def prompts(model_server: ModelServer, *, summing: bool) -> list[list[dict[str, Any]]]:
    """What models were told, in calls that sum up or in the others."""
    told = [entry["messages"] for entry in model_server.log()]
    return [each for each in told if each[0]["content"].startswith("You summarise") == summing]


# --- stored once ---


def test_a_history_that_is_sent_again_adds_what_is_new_and_nothing_else(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    said = history(9)

    def nodes() -> int:
        with tenant_scope(cast.acme.id):
            return ConversationNode.objects.count()

    before = nodes()
    task = complete(connected, cast.user, said)["task_id"]
    assert nodes() == before + 9
    complete(connected, cast.user, [*said, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "So?"}])
    assert nodes() == before + 11
    assert [len(told) for told in prompts(model_server, summing=False)] == [9, 11], "without a window all is told"
    asked = step_of(cast, task, "llm.complete").input
    assert "messages" not in asked and len(str(asked)) < 200
    with tenant_scope(cast.acme.id):
        assert whole(cast.acme.id, asked["conversation"]) == said


def test_two_messages_stay_with_their_step(connected: Farm, cast: Cast) -> None:
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    task = complete(connected, cast.user, said)["task_id"]
    assert step_of(cast, task, "llm.complete").input["messages"] == said


def test_what_was_asked_is_shown_with_the_step_and_to_nobody_else(connected: Farm, cast: Cast) -> None:
    said = history(5)
    task = complete(connected, cast.user, said)["task_id"]
    page = signed_in(cast.user).get(f"/tasks/{task}/steps/1").content.decode()
    assert all(message["content"][:45] in page for message in said)
    assert signed_in(cast.stranger).get(f"/tasks/{task}/steps/1").status_code == 404
    key = step_of(cast, task, "llm.complete").input["conversation"]
    with tenant_scope(cast.globex.id), pytest.raises(NotFound):
        places_of(cast.globex.id, key)
    with tenant_scope(cast.globex.id):
        assert not ConversationNode.objects.filter(sha256=key).exists()


# --- the window ---


def test_a_window_tells_primers_a_masked_summary_and_the_rest(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([SUMMED])
    said = [{"role": "system", "content": "Be brief."}, *history(13)]
    task = complete(connected, cast.user, said, history_window_size=10)["task_id"]
    (asked,), (told,) = prompts(model_server, summing=True), prompts(model_server, summing=False)
    assert told[:3] == said[:3] and told[4:] == said[-len(told[4:]) :] and len(told) < 12
    left_out = 14 - len(told) + 1
    assert told[3]["role"] == "user" and f"Summary of the {left_out} messages in between" in told[3]["content"]
    assert "They spoke of coal; ask [mail address]." in told[3]["content"]
    assert "message 3." in asked[1]["content"] and "message 1." not in asked[1]["content"]
    events = connected.events(cast.user.api_key, task)
    (event,) = [event for event in events if event["type"] == "CONTEXT_COMPRESSED"]
    assert event["payload"]["messages_before"] == 14 and event["payload"]["messages_after"] == len(told)
    saved = event["payload"]["tokens_before"] - event["payload"]["tokens_after"]
    with tenant_scope(cast.acme.id):
        holds = Hold.objects.filter(task_id=task).order_by("call")
        assert [hold.purpose for hold in holds] == ["summarise", "complete"] and all(hold.usd > 0 for hold in holds)
        saving = Saving.objects.get(task_id=task)
        assert (saving.cause, saving.tokens) == ("context", saved == event["payload"]["saved"] and saved)
        summary = ConversationSummary.objects.get(task=task)
        assert "ann@" not in summary.text and summary.model == holds[0].model
    assert "They spoke" not in "".join(event["message"] for event in events), "a summary is nobody's answer"


def test_a_summary_is_made_once_and_the_next_is_made_from_it(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([SUMMED])
    said, before = history(31), summaries(cast)
    for count in range(9, 32, 2):
        complete(connected, cast.user, said[:count], history_window_size=10)
    made = summaries(cast) - before
    assert 3 <= made <= 6 and len(prompts(model_server, summing=True)) == made
    told = prompts(model_server, summing=False)
    assert max(map(len, told)) <= 10
    grown = [later[: len(earlier)] == earlier for earlier, later in itertools.pairwise(told)]
    assert grown.count(False) == made, "between two compressions a prompt grows at its end"
    again = prompts(model_server, summing=True)[-1][1]["content"]
    assert again.startswith("Summary of what was said before:\nThey spoke of coal")


def test_a_killed_worker_costs_no_second_summary_and_tells_the_same(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([SUMMED, {"reply": {"text": "Yes", "delay_s": 1.0}, "times": 1}])
    said = history(13)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(complete, connected, cast.user, said, history_window_size=10)
        eventually(lambda: prompts(model_server, summing=False))
        connected.kill("worker-llm")
        connected.launch("worker-llm")
        task = asked.result(60)["task_id"]
    first, second = prompts(model_server, summing=False)
    assert first == second and len(prompts(model_server, summing=True)) == 1
    assert step_of(cast, task, "llm.complete").fence == 2
    replay = connected.call(cast.user.api_key, f"/api/v1/tasks/{task}/replay", {})[1]["task_id"]
    assert "No difference" in connected.finished(cast.user.api_key, replay)["result"]
    assert len(model_server.log()) == 3


def test_without_a_summary_an_extract_serves_and_the_call_goes_on(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([{"match": SUMMARY, "fault": {"status": 400}}])
    said = history(13)
    task = complete(connected, cast.user, said, history_window_size=10)["task_id"]
    (told,) = prompts(model_server, summing=False)
    extract = next(message["content"] for message in told if "in between" in message["content"])
    assert extract.startswith("[Extract (no model could summarise them)") and "message 4." in extract
    with tenant_scope(cast.acme.id):
        assert ConversationSummary.objects.get(task=task).model == ""


def test_a_budget_without_room_for_a_summary_has_room_for_the_call(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    """A summary reads more than the window tells."""
    session, said = uuid4().hex, history(25)
    complete(connected, cast.user, said[:1], session_id=session)
    with tenant_scope(cast.acme.id):
        owner = Session.objects.get(external_id=session).id
        spent = Envelope.objects.get(level="session", owner_id=owner).tokens_spent
        Envelope.objects.filter(level="session", owner_id=owner).update(tokens_limit=spent + 3_500)
    task = complete(connected, cast.user, said, session_id=session, history_window_size=6, max_tokens=64)["task_id"]
    assert prompts(model_server, summing=True) == []
    assert any("[Extract" in str(message["content"]) for message in prompts(model_server, summing=False)[-1])
    with tenant_scope(cast.acme.id):
        assert [hold.purpose for hold in Hold.objects.filter(task_id=task)] == ["complete"]


def test_a_history_that_no_model_takes_is_summed_up_unasked(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    """Of 128,000 tokens, which gpt-4o-mini takes, three quarters are 384,000 characters."""
    model_server.script([SUMMED])
    said = [{**message, "content": message["content"] + "x" * 16_000} for message in history(25)]
    complete(connected, cast.user, said[:23], specific_model="gpt-4o-mini")
    assert len(prompts(model_server, summing=False)[0]) == 23 and not prompts(model_server, summing=True)
    task = complete(connected, cast.user, said, specific_model="gpt-4o-mini")["task_id"]
    told = prompts(model_server, summing=False)[-1]
    assert told[:3] == said[:3] and told[-1] == said[-1] and len(told) < 15
    window = (step_of(cast, task, "llm.complete").output or {})["window"]
    assert window["tokens_before"] > 96_000 > window["tokens_after"]


@pytest.mark.parametrize(
    ("path", "field", "body"),
    [
        ("/v1/completions", "history_window_size", {"messages": history(1), "history_window_size": 300}),
        ("/api/v1/tasks", "context.primers_count", {"query": "x", "context": {"primers_count": 99}}),
    ],
)
def test_a_window_that_breaks_a_rule_is_refused(
    connected: Farm, cast: Cast, path: str, field: str, body: dict[str, Any]
) -> None:
    status, answer = connected.call(cast.user.api_key, path, body)
    assert status == 400 and f"{field}: must be a whole number from" in str(answer)


# --- the tasks of a session ---


def ask(farm: Farm, who: Person, query: str, session: str, **more: Any) -> str:
    task = farm.submit(who.api_key, query, session_id=session, mode="simple", **more)
    assert farm.finished(who.api_key, task)["status"] == "TASK_STATUS_COMPLETED"
    return task


def test_a_task_sees_what_its_session_has_completed_before_and_each_fork_the_same(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([AGENT])
    session, key = uuid4().hex, cast.user.api_key
    ask(connected, cast.user, "What burns?", session)
    second = ask(connected, cast.user, "What else?", session)
    ask(connected, cast.user, "And then?", session)
    first, told, third = prompts(model_server, summing=False)
    before = [{"role": "user", "content": "What burns?"}, {"role": "assistant", "content": "Coal."}]
    assert [m["role"] for m in first] == ["system", "user"] and "this session before" not in first[0]["content"]
    assert told[1:3] == before and told[3]["content"] == "What else?" and "It is data" in told[0]["content"]
    assert third[1:4] == told[1:4] and len(third) == 6
    turn = step_of(cast, second, "llm.turn").n
    fork = connected.call(key, f"/api/v1/tasks/{second}/fork", {"step": turn})[1]["task_id"]
    connected.finished(key, fork)
    assert prompts(model_server, summing=False)[-1] == told
    replay = connected.call(key, f"/api/v1/tasks/{second}/replay", {})[1]["task_id"]
    assert "No difference" in connected.finished(key, replay)["result"]
    ask(connected, cast.user, "Once more?", session)
    assert len(prompts(model_server, summing=False)[-1]) == 8, "forks and replays add nothing"


def test_a_session_of_the_same_name_shows_nobody_elses_texts(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([AGENT])
    session = uuid4().hex
    for who in (cast.user, cast.operator, cast.stranger):
        ask(connected, who, f"{who.user.name} asks for the first time", session)
        assert len(prompts(model_server, summing=False)[-1]) == 2
    with tenant_scope(cast.acme.id):
        own = Session.objects.get(external_id=session, user_id=cast.user.user.id)
    ask(connected, cast.operator, "By its id?", str(own.id))
    assert len(prompts(model_server, summing=False)[-1]) == 2


def test_the_window_of_a_session_is_summed_up_by_the_first_that_needs_it(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([SUMMED, AGENT])
    session = uuid4().hex
    for number in range(6):
        task = ask(connected, cast.user, f"Question {number}?", session, context={"history_window_size": 6})
    told = prompts(model_server, summing=False)
    assert max(map(len, told)) <= 6 + 2 and len(prompts(model_server, summing=True)) <= 3
    assert any("They spoke of coal" in str(message["content"]) for message in told[-1])
    window = (step_of(cast, task, "llm.turn").output or {})["window"]
    assert window["messages"] == 10 and window["tokens_after"] > 0 and window["left_out"] > 0
    replay = connected.call(cast.user.api_key, f"/api/v1/tasks/{task}/replay", {})[1]["task_id"]
    assert "No difference" in connected.finished(cast.user.api_key, replay)["result"]


def test_two_submits_at_once_recount_a_task_once(cast: Cast) -> None:
    session = uuid4().hex
    first = submit_task(principal=cast.admin.principal, submission=Submission("One?", session=session))
    with tenant_scope(cast.acme.id):
        Task.objects.filter(id=first.id).update(state="completed", result="1")
    with ThreadPoolExecutor(4) as pool:
        asked = [Submission(f"Two? {n}", session=session) for n in range(4)]
        tasks = list(pool.map(lambda one: submit_task(principal=cast.admin.principal, submission=one), asked))
    with tenant_scope(cast.acme.id):
        seen = {task.conversation for task in Task.objects.filter(id__in=[task.id for task in tasks])}
        (key,) = seen
        assert [message["content"] for message in whole(cast.acme.id, key)] == ["One?", "1"]
