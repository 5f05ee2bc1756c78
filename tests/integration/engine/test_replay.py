"""Time travel with real workers: runs of every shape are replayed for nothing, and forked in the middle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils.timezone import now

from examples.submit import load_request
from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.marker import marks
from tests.support.model_server import ModelServer
from tests.support.pages import signed_in
from tests.support.services import ROOT
from webapp.agent_tasks.models import Step, Task
from webapp.budgets.models import Hold
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.policies import save_module
from webapp.tenants.services import issue_key

RUNS = 50
NEXT_RELEASE = "tests.support.next_release"
NO_MARKS = """package hartley.own

import rego.v1

deny contains "no marks today" if input.tool.name == "marker"
"""


@pytest.fixture(autouse=True)
def _fresh(model_server: ModelServer) -> Iterator[None]:
    model_server.reset()
    yield
    model_server.reset()


def mark(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "kind": "tool",
        "tool": "marker",
        "arguments": {"text": name},
        "depends_on": list(needs),
        **more,
    }


def agent(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "description": f"Find out about {name}", "depends_on": list(needs), **more}


BROKEN = {"id": "boom", "kind": "tool", "tool": "calculator", "arguments": {"expression": "1/0"}}
PLANS: list[list[dict[str, Any]]] = [
    [mark("a"), mark("b", "a"), mark("c", "a", "b")],
    [agent("a"), agent("b", "a"), mark("m", "a")],
    [mark("a"), {"id": "w", "kind": "wait", "delay_s": 0.2, "depends_on": ["a"]}, agent("z", "w")],
    [mark("a"), BROKEN, agent("b", "a", "boom", join="any")],
    [mark("a", compensate={"tool": "marker", "arguments": {"text": "undo"}}), {**BROKEN, "depends_on": ["a"]}],
    [mark("a"), mark("b"), BROKEN, mark("q", "a", "b", "boom", join="quorum", quorum=2)],
    [agent("a"), {**BROKEN, "id": "x"}, mark("c", "a", "x"), agent("e", "c", "a", join="partial")],
    [{"id": "t", "kind": "tool", "tool": "nothing_of_this_name", "arguments": {}}, agent("b", "t", join="settled")],
]


def corpus() -> Iterator[dict[str, Any]]:
    """Questions of each mode, with files and without, and plans of each shape; some of them fail."""
    yield {**load_request(ROOT / "examples" / "penguins"), "mode": "standard"}
    yield {**load_request(ROOT / "examples" / "electricity"), "mode": "simple"}
    number = 0
    while True:
        for mode in ("simple", "standard", "complex"):
            yield {"query": f"What is the sum, number {number}?", "mode": mode}
        yield {"query": f"This model is unreachable, number {number}", "mode": "simple"}
        for plan in PLANS:
            yield {"query": f"Carry out plan {number}", "context": {"plan": {"steps": plan}}}
            number += 1


SCRIPT = [
    {"match": {"user_contains": "is unreachable"}, "fault": {"status": 400, "message": "no such thing"}},
    {
        "match": {"system_contains": "You are an agent", "user_contains": "sum, number", "last_role": "user"},
        "reply": {"tool_calls": [
            {"name": "calculator", "arguments": {"expression": "2 + 3"}},
            {"name": "marker", "arguments": {"text": "by an agent"}},
            {"name": "calculator", "arguments": {"wrong": 1}},
        ]},
    },
]  # fmt: skip


def started(farm: Farm, key: str, task: str, verb: str, **body: Any) -> str:
    status, answer = farm.call(key, f"/api/v1/tasks/{task}/{verb}", body, method="POST")
    assert status == 201, answer
    return str(answer["task_id"])


def report(farm: Farm, cast: Cast, replay: str) -> dict[str, Any]:
    """What a replay has found."""
    body = farm.finished(cast.owner.api_key, replay, within_s=120)
    assert body["status"] == "TASK_STATUS_COMPLETED", body
    assert farm.call(cast.stranger.api_key, f"/api/v1/tasks/{replay}/comparison")[0] == 404
    return dict(farm.call(cast.owner.api_key, f"/api/v1/tasks/{replay}/comparison")[1])


def run(farm: Farm, cast: Cast, **body: Any) -> str:
    task = farm.submit(cast.owner.api_key, **body)
    farm.finished(cast.owner.api_key, task, within_s=120)
    return task


def marked(farm: Farm) -> int:
    return len(marks(Path(farm.env["HARTLEY_MARKER_LOG"])))


def test_a_corpus_replays_for_nothing_and_names_what_a_changed_rule_changes(
    connected: Farm, cast: Cast, model_server: ModelServer
) -> None:
    key = cast.owner.api_key
    model_server.script(SCRIPT)
    source = corpus()
    tasks = [connected.submit(key, **next(source)) for _ in range(RUNS)]
    ends = [connected.finished(key, task, within_s=180)["status"] for task in tasks]
    assert {"TASK_STATUS_COMPLETED", "TASK_STATUS_FAILED"} == set(ends)
    asked, acted = len(model_server.log()), marked(connected)
    assert asked > RUNS and acted > RUNS / 2

    replays = [started(connected, key, task, "replay") for task in tasks]
    found = [report(connected, cast, replay) for replay in replays]
    assert [f["differences"] for f in found] == [[]] * RUNS
    assert sum(f["steps"] for f in found) > 5 * RUNS and sum(f["served"] for f in found) > asked / 2
    assert (len(model_server.log()), marked(connected)) == (asked, acted), "nothing was called"
    with tenant_scope(cast.acme.id):
        assert not Hold.objects.filter(task_id__in=replays).exists()
        assert all(not t.cost_usd for t in Task.objects.filter(id__in=replays))

    connected.deploy(NEXT_RELEASE)
    try:
        again = report(connected, cast, started(connected, key, tasks[0], "replay"))
    finally:
        connected.deploy("workers.app")
    (difference,) = again["differences"]
    assert difference["kind"] == "control.plan" and difference["what"].startswith("added step")
    assert "Write the answer" in difference["then"] and "Check the figures" in difference["now"]
    assert (len(model_server.log()), marked(connected)) == (asked, acted)


def test_a_replay_knows_what_had_ended_when_an_agent_began(
    connected: Farm, cast: Cast, model_server: ModelServer
) -> None:
    """The agent waits for one of two; the other ends after it has begun."""
    model_server.script([{"match": {"user_contains": "Find out about slow"}, "reply": {"text": "Snails."}}])
    later = {"id": "later", "kind": "wait", "delay_s": 10}
    first, both = agent("any", "quick", "slow", join="any"), agent("all", "any", "slow")
    plan = [agent("quick"), later, agent("slow", "later"), first, both]
    task = run(connected, cast, query="Which is first?", context={"plan": {"steps": plan}})
    asked = {call["messages"][1]["content"].partition("\n")[0]: call for call in model_server.log()}
    told = json.dumps(asked["Find out about any"]["messages"])
    assert "Result of quick" in told and "Snails." not in told and "did not finish" in told
    assert "Snails." in json.dumps(asked["Find out about all"]["messages"])
    found = report(connected, cast, started(connected, cast.owner.api_key, task, "replay"))
    assert found["differences"] == []


def test_what_a_step_did_wait_for_has_ended_whatever_the_clock_says(connected: Farm, cast: Cast) -> None:
    task = run(connected, cast, query="What is the sum?", context={"plan": {"steps": [agent("a"), agent("b", "a")]}})
    with tenant_scope(cast.acme.id):
        ended = Step.objects.filter(task_id=task, agent="a").update(finished_at=now() + timedelta(hours=1))
    assert ended
    assert report(connected, cast, started(connected, cast.owner.api_key, task, "replay"))["differences"] == []


def test_a_changed_policy_is_a_difference_by_step(connected: Farm, cast: Cast) -> None:
    task = run(connected, cast, query="Marks", context={"plan": {"steps": [mark("a"), agent("b", "a")]}})
    with tenant_scope(cast.acme.id):
        save_module(actor=cast.owner.user, name="marks", source=NO_MARKS)

    def differences() -> Any:
        return report(connected, cast, started(connected, cast.owner.api_key, task, "replay"))["differences"]

    try:
        found = eventually(differences, every_s=0.5)  # workers look for a changed policy once a second
    finally:
        with tenant_scope(cast.acme.id):
            save_module(actor=cast.owner.user, name="marks", source=NO_MARKS, mode="off")
    assert {(d["kind"], d["what"]) for d in found} >= {
        ("tools.call", "decision"),
        ("tools.call", "outcome"),
    }
    assert any("deny for marker" in d["now"] and "allow for marker" in d["then"] for d in found)


def test_a_fork_pays_only_for_what_comes_after_it(connected: Farm, cast: Cast, model_server: ModelServer) -> None:
    key = cast.owner.api_key
    task = run(connected, cast, query="What is the sum?", mode="standard")
    steps = {(s["kind"], s["agent"], s["record_of"]): s["n"] for s in connected.steps(key, task)}
    at = steps["llm.turn", "a2", None]  # the last turn of an agent: its first one is a number lower
    before = len(model_server.log())
    acted = marked(connected)

    fork = started(connected, key, task, "fork", step=at, system_prompt="Answer in one word.", model_override="gpt-4.1")
    done = connected.finished(key, fork)
    assert done["status"] == "TASK_STATUS_COMPLETED" and done["origin"]["task"] == task
    calls = model_server.log()[before:]
    live = [s for s in connected.steps(key, fork) if s["queue"] == "llm" and not s["served"]]
    assert [s["kind"] for s in live] == ["llm.synthesise", "llm.turn"] and len(calls) == 2
    assert {call["model"] for call in calls} == {"gpt-4.1"} and marked(connected) == acted
    assert done["usage"]["total_tokens"] == sum(call["usage"]["total_tokens"] for call in calls)

    status, compared = connected.call(key, f"/api/v1/tasks/{fork}/comparison")
    assert status == 200 and compared["forked_from"] == task and compared["step"] == at
    whole, part, served = compared["then"], compared["now"], compared["served"]
    assert 0 < part["tokens"] < whole["tokens"] and served["tokens"] > 0 and served["steps"] >= 5
    assert {(s["kind"], s["then"]["n"] is not None) for s in compared["steps"]} == {
        ("llm.turn", True), ("llm.synthesise", True),
    }  # fmt: skip
    assert {s["now"]["agent_state"] for s in compared["steps"]} == {"COMPLETED"}
    assert Decimal(str(whole["cost_usd"])) > 0

    found = report(connected, cast, started(connected, key, fork, "replay"))
    assert found["differences"] == [] and found["served"] == 2, "a fork is a run like any other"


def test_a_fork_with_another_plan_and_another_question(connected: Farm, cast: Cast, model_server: ModelServer) -> None:
    key = cast.owner.api_key
    task = run(connected, cast, query="What is the sum?", mode="standard")
    plan = {"steps": [mark("only")]}
    (planned,) = [s["n"] for s in connected.steps(key, task) if s["kind"] == "control.plan"]
    before = len(model_server.log())
    fork = started(connected, key, task, "fork", step=planned, plan=plan, query="Just mark it")
    done = connected.finished(key, fork)
    assert done["query"] == "Just mark it" and "only" in done["result"] and len(model_server.log()) == before


def test_a_failed_run_goes_on_from_a_fork_at_the_step_that_failed(connected: Farm, cast: Cast) -> None:
    key = cast.owner.api_key
    steps = [mark("a"), {**BROKEN, "depends_on": ["a"]}, mark("b", "boom")]
    task = run(connected, cast, query="Divide", context={"plan": {"steps": steps}})
    failed = next(s["n"] for s in connected.steps(key, task) if s["state"] == "failed")
    acted = marked(connected)
    fork = started(connected, key, task, "fork", step=failed, arguments={"expression": "1/2"})
    assert connected.finished(key, fork)["status"] == "TASK_STATUS_COMPLETED"
    assert marked(connected) == acted + 1, "a was served, b ran"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "step: must be the number of a step"),
        ({"step": 900}, "step 900: the run has no such step"),
        ({"step": 1}, "step 1: every run passes its admission itself"),
        ({"step": 3, "plan": {"steps": [mark("a")]}}, "a plan can be changed only where the run was planned"),
        ({"step": 3, "model_tier": "vast"}, "model_tier: must be one of"),
        ({"step": 3, "colour": "red"}, "colour: is not among what a fork can change"),
        ({"step": 3, "arguments": {}}, "step 3: only a tool call has arguments"),
    ],
)
def test_a_fork_that_makes_no_sense_is_refused(connected: Farm, cast: Cast, body: dict[str, Any], why: str) -> None:
    key = cast.owner.api_key
    _, listed = connected.call(key, "/api/v1/tasks?status=COMPLETED&limit=100")
    simple = [row["task_id"] for row in listed["tasks"] if row["mode"].endswith("SIMPLE")]
    task = simple[0] if simple else run(connected, cast, query="Hello", mode="simple")
    if len(connected.steps(key, task)) < 3 or connected.steps(key, task)[2]["kind"] != "llm.turn":
        task = run(connected, cast, query="Hello", mode="simple")
    status, answer = connected.call(key, f"/api/v1/tasks/{task}/fork", body, method="POST")
    assert status == 400 and why in str(answer), answer


def test_only_what_has_ended_can_be_replayed_or_forked_and_only_by_its_tenant(connected: Farm, cast: Cast) -> None:
    key = cast.owner.api_key
    open_ = connected.submit(key, "Wait", context={"plan": {"steps": [{"id": "a", "kind": "wait", "delay_s": 60}]}})
    for verb, body in (("replay", {}), ("fork", {"step": 2})):
        status, answer = connected.call(key, f"/api/v1/tasks/{open_}/{verb}", body, method="POST")
        assert status == 409 and "has not ended" in str(answer)
    connected.call(key, f"/api/v1/tasks/{open_}/cancel", {}, method="POST")
    task = run(connected, cast, query="Hello", mode="simple")
    for verb, body in (("replay", {}), ("fork", {"step": 3})):
        assert connected.call(cast.stranger.api_key, f"/api/v1/tasks/{task}/{verb}", body, method="POST")[0] == 404
    fork = started(connected, key, task, "fork", step=3)
    connected.finished(key, fork)
    assert connected.call(cast.stranger.api_key, f"/api/v1/tasks/{fork}/comparison")[0] == 404
    assert connected.call(key, f"/api/v1/tasks/{task}/comparison")[0] == 404, "it is no fork"


def test_a_fork_that_calls_anew_needs_the_scope_of_a_call(connected: Farm, cast: Cast) -> None:
    task = run(connected, cast, query="Mark", context={"plan": {"steps": [mark("a")]}})
    at = next(s["n"] for s in connected.steps(cast.owner.api_key, task) if s["kind"] == "tools.call")
    plain = issue_key(user=cast.owner.user, name="plain", scopes=frozenset({"workflows:write"})).secret
    planned = next(s["n"] for s in connected.steps(cast.owner.api_key, task) if s["kind"] == "control.plan")
    for asked in ({"step": at, "arguments": {"text": "b"}}, {"step": at}, {"step": planned}):
        status, answer = connected.call(plain, f"/api/v1/tasks/{task}/fork", asked, method="POST")
        assert status == 403 and "agents:execute" in answer["error"], asked
    assert connected.call(cast.owner.api_key, f"/api/v1/tasks/{task}/fork", {"step": at}, method="POST")[0] == 201
    other = run(connected, cast, query="Mark", context={"plan": {"steps": [mark("a"), agent("b", "a")]}})
    turn = next(s["n"] for s in connected.steps(cast.owner.api_key, other) if s["kind"] == "llm.turn")
    status, answer = connected.call(plain, f"/api/v1/tasks/{other}/fork", {"step": turn}, method="POST")
    assert status == 201, "the call of its plan is served from the record"


def test_a_fork_survives_a_killed_worker(connected: Farm, cast: Cast, model_server: ModelServer) -> None:
    key = cast.owner.api_key
    task = run(connected, cast, query="What is the sum?", mode="standard")
    at = next(s["n"] for s in connected.steps(key, task) if s["kind"] == "llm.synthesise")
    model_server.script([{"match": {"system_contains": "You are the editor"}, "reply": {"text": "x", "delay_s": 2}}])
    fork = started(connected, key, task, "fork", step=at)
    eventually(
        lambda: any(s["kind"] == "llm.synthesise" and s["state"] == "running" for s in connected.steps(key, fork))
    )
    connected.kill("worker-llm")
    connected.launch("worker-llm")
    assert connected.finished(key, fork)["result"] == "x"


def weighs(*evidence: tuple[str, bool, str, float]) -> dict[str, Any]:
    names = ("hypothesis", "supports", "text", "weight")
    given = [dict(zip(names, each, strict=True)) for each in evidence]
    return {"name": "weigh_evidence", "arguments": {"evidence": given}}


PRICE, SEASON = ("price", True, "It was halved in May", 0.8), ("season", False, "It is so every year", 0.5)
WEIGHING = [
    {"match": {"user_contains": "Find out about check"}, "reply": {"text": "So it is"}},
    {"match": {"system_contains": "You are an agent", "last_role": "user"}, "reply": {"tool_calls": [
        weighs(PRICE), {"name": "calculator", "arguments": {"expression": "2 + 3"}}, weighs(SEASON)]}},
    {"match": {"system_contains": "You are an agent", "last_role": "tool"}, "times": 1, "reply": {"tool_calls": [
        weighs(("price", True, "And that is certain", 7))]}},
    {"match": {"system_contains": "You are an agent"}, "times": 1, "reply": {"text": "Never said", "delay_s": 9}},
    {"match": {"system_contains": "You are an agent"}, "reply": {"text": "It was the price"}},
]  # fmt: skip
BELIEFS = {
    "threshold": 0.8,
    "hypotheses": [{"id": "price", "statement": "Its price fell"}, {"id": "season", "statement": "It is the season"}],
}


def test_what_agents_believe_outlives_a_killed_worker_and_is_replayed_and_forked(
    connected: Farm, cast: Cast, model_server: ModelServer
) -> None:
    key = cast.owner.api_key
    model_server.script(WEIGHING)
    plan = [agent("why", beliefs=BELIEFS), agent("check", "why")]
    task = connected.submit(key, "Why did sales rise?", context={"plan": {"steps": plan}})

    def third_turn() -> bool:
        ran = [s["state"] for s in connected.steps(key, task) if s["kind"] == "llm.turn" and s["agent"] == "why"]
        return ran == ["done", "done", "running"]

    eventually(third_turn)
    connected.kill("worker-llm")
    connected.launch("worker-llm")
    assert connected.finished(key, task)["status"] == "TASK_STATUS_COMPLETED"

    steps = connected.steps(key, task)
    turns = [s for s in steps if s["agent"] == "why" and s["kind"] == "llm.turn"]
    assert [s["inner"]["state"] for s in turns] == ["EXECUTING", "EXECUTING", "COMPLETED"]
    assert turns[0]["inner"]["beliefs"] == turns[1]["inner"]["beliefs"] == turns[2]["inner"]["beliefs"]
    held = turns[2]["inner"]["beliefs"]
    assert held["best"] == "price" and [round(h["confidence"], 3) for h in held["hypotheses"]] == [0.833, 0.333]
    assert held["hypotheses"][0]["supporting"] == [{"text": PRICE[2], "weight": 0.8, "step": turns[0]["n"]}]
    assert {s["kind"]: s["inner"] and s["inner"]["state"] for s in steps if s["kind"] != "llm.turn"} == {
        "policy.admit": None, "control.plan": "PLANNING", "tools.call": None,
    }  # fmt: skip
    asked = [call for call in model_server.log() if "Result of why" in json.dumps(call["messages"])]
    assert asked and "0.833" in json.dumps(asked[0]["messages"]), "who builds on it is told"

    told = connected.events(key, task)
    (thought,) = [e for e in told if e["type"] == "AGENT_THINKING"]
    assert thought["message"] == "Holds price at 83%: Its price fell"
    assert any("weight: must be a number from 0 to 1" in e["message"] for e in told if e["type"] == "WARNING")
    ended = [e["payload"].get("agent_state") for e in told if e["type"] == "STEP_COMPLETED"]
    assert ended.count("EXECUTING") == 2 and ended.count("COMPLETED") == 2

    page = signed_in(cast.owner).get(f"/tasks/{task}/steps/{turns[2]['n']}").content.decode()
    assert "83.3 %" in page and "It was halved in May" in page and page.count(">best<") == 1
    assert connected.call(cast.stranger.api_key, f"/api/v1/tasks/{task}/steps")[0] == 404
    assert signed_in(cast.stranger).get(f"/tasks/{task}/steps/{turns[2]['n']}").status_code == 404

    assert report(connected, cast, started(connected, key, task, "replay"))["differences"] == []
    fork = started(connected, key, task, "fork", step=next(s["n"] for s in steps if s["agent"] == "check"))
    connected.finished(key, fork)
    served = [s for s in connected.steps(key, fork) if s["agent"] == "why" and s["kind"] == "llm.turn"]
    assert [(s["served"], s["inner"]["state"]) for s in served] == [(True, s["inner"]["state"]) for s in turns]
    (source,) = served[2]["inner"]["beliefs"]["hypotheses"][0]["supporting"]
    assert source == {"text": PRICE[2], "weight": 0.8, "step": served[0]["n"]}, "as it is numbered here"
