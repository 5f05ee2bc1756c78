"""The agent loop with real workers and 200 tools: what is offered, each limit, and fifty turns in which a fifth fails."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.many_tools import MANY, PATHS
from tests.support.marker import marks
from tests.support.model_server import ModelServer
from tests.support.pages import signed_in
from tests.support.standing import Standing
from webapp.agent_tasks.models import Step
from webapp.budgets.models import Hold
from webapp.budgets.verify import verify
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import PolicyDecision
from webapp.progress.models import Event

CLOSED = {"match": {"user_contains": "No more tools can be called"}, "reply": {"text": "With what there is: 42"}}


@pytest.fixture(scope="module")
def looping(standing: Standing, model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    """A farm with 200 tools more, wide limits for most tasks and narrow ones for research."""
    env = {
        "OPENAI_BASE_URL": model_server.base_url,
        "OPENAI_API_KEY": "sk-scripted",
        "HARTLEY_EXTRA_TOOLS": f"tests.support.marker:MarkerTool,{PATHS}",
        "HARTLEY_MARKER_LOG": str(tmp_path_factory.getbasetemp() / "loop-marks"),
        "HARTLEY_LEASE_S": "3",
        "HARTLEY_HINT_S": "2",
        "HARTLEY_AGENT_CALLS_LIMIT": "400",
        "HARTLEY_RESEARCH_CALLS_LIMIT": "3",
        "HARTLEY_RESEARCH_CHARS_LIMIT": "500",
        "HARTLEY_PROMPT_CHARS_LIMIT": "150000",
        "HARTLEY_TASK_TOKENS": "5000000",
        "HARTLEY_AGENT_TOKENS": "5000000",
    }
    return standing.ask(env)


@pytest.fixture(autouse=True)
def _fresh(model_server: ModelServer) -> Iterator[None]:
    model_server.reset()
    yield
    model_server.reset()


def calls(*given: str | tuple[str, dict[str, Any]]) -> dict[str, Any]:
    named = [(call, {}) if isinstance(call, str) else call for call in given]
    return {"reply": {"tool_calls": [{"name": name, "arguments": arguments} for name, arguments in named]}}


def ran(farm: Farm, cast: Cast, query: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    task = farm.submit(cast.owner.api_key, query, mode="simple", **fields)
    return task, farm.finished(cast.owner.api_key, task)


def travelled(farm: Farm, cast: Cast, task: str, verb: str, **body: Any) -> str:
    status, answer = farm.call(cast.owner.api_key, f"/api/v1/tasks/{task}/{verb}", body, method="POST")
    assert status == 201, answer
    farm.finished(cast.owner.api_key, answer["task_id"])
    return str(answer["task_id"])


def differences(farm: Farm, cast: Cast, task: str) -> Any:
    replay = travelled(farm, cast, task, "replay")
    return farm.call(cast.owner.api_key, f"/api/v1/tasks/{replay}/comparison")[1]["differences"]


def test_of_200_tools_a_model_is_told_of_those_that_fit_and_of_what_it_finds(
    looping: Farm, cast: Cast, model_server: ModelServer
) -> None:
    search = ("find_tools", {"query": "insure a parcel"})
    script = [
        {**calls(search), "times": 1},
        {**calls("insure_parcel"), "times": 1},
        {"reply": {"text": "It is insured"}},
    ]
    model_server.script(script)
    task, done = ran(looping, cast, "Translate the contract")
    assert done["result"] == "It is insured" and len(MANY) == 200
    first, second, third = [entry["tools"] for entry in model_server.log()]
    assert len(first) == 21 and first[-1] == "find_tools" and "insure_parcel" not in first
    assert first[0] == "translate_contract" and sum("contract" in name or "translate" in name for name in first) == 20
    assert second[:20] == first[:20] and "insure_parcel" in second and len(second) <= 26
    assert third == second
    told = [json.loads(m["content"]) for m in model_server.log()[-1]["messages"] if m["role"] == "tool"]
    assert told[0]["tools"][0]["name"] == "insure_parcel" and told[1]["value"] == "insure parcel"

    assert differences(looping, cast, task) == []
    at = [step["n"] for step in looping.steps(cast.owner.api_key, task) if step["kind"] == "llm.turn"][-1]
    travelled(looping, cast, task, "fork", step=at)
    assert model_server.log()[-1]["tools"] == third, "a fork knows what was found before it"


COUNT = "count_tree"
WRONG = ("calculator", {"expression": "1/0"})
LIMITS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], int]] = {  # by limit: script, task, calls that are made
    "turns": ([calls(COUNT)], {"max_iterations": 2}, 2),
    "calls": ([calls(COUNT, COUNT)], {"research_strategy": "quick"}, 3),
    "output": ([calls(("marker", {"text": "x" * 600}))], {"research_strategy": "deep"}, 1),
    "failures": ([calls(WRONG, "unheard_of")], {"max_iterations": 9}, 4),
    "prompt": ([calls(COUNT)], {"query": "word " * 31_000}, 0),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_ends_the_loop_and_is_told(looping: Farm, cast: Cast, model_server: ModelServer, limit: str) -> None:
    script, fields, made = LIMITS[limit]
    model_server.script([CLOSED, *script])
    key = cast.owner.api_key
    task, done = ran(looping, cast, **{"query": f"Go on until {limit}", **fields})
    assert done["status"] == "TASK_STATUS_COMPLETED" and done["result"] == "With what there is: 42"
    steps = looping.steps(key, task)
    (stopped,) = done["stopped_by"]
    assert (stopped["limit"], stopped["step"]) == (limit, steps[-1]["n"])
    assert sum(step["kind"] == "tools.call" for step in steps) == made
    assert model_server.log()[-1]["tools"] == [], "it could call nothing more"
    (why,) = [e for e in looping.events(key, task) if e["type"] == "WARNING" and (e["payload"] or {}).get("limit")]
    assert why["payload"]["limit"] == limit and "answer with what it has" in why["message"]
    assert "had to answer with what it had" in signed_in(cast.owner).get(f"/tasks/{task}").content.decode()
    assert looping.call(cast.stranger.api_key, f"/api/v1/tasks/{task}")[0] == 404
    assert differences(looping, cast, task) == []


def test_calls_beyond_those_of_one_turn_are_refused_and_the_model_reads_why(
    looping: Farm, cast: Cast, model_server: ModelServer
) -> None:
    model_server.script([{**calls(*[COUNT] * 10), "times": 1}, {"reply": {"text": "Eight"}}])
    task, done = ran(looping, cast, "Count the trees")
    assert done["result"] == "Eight" and "stopped_by" not in done
    answers = [json.loads(m["content"]) for m in model_server.log()[-1]["messages"] if m["role"] == "tool"]
    assert sorted(a.get("error", {}).get("code", "") for a in answers) == [""] * 8 + ["tool.too_many_calls"] * 2
    assert sum(step["kind"] == "tools.call" for step in looping.steps(cast.owner.api_key, task)) == 8


def test_a_task_names_the_tools_that_may_be_called_and_what_is_called_first(
    looping: Farm, cast: Cast, model_server: ModelServer
) -> None:
    model_server.script([{**calls("marker", "count_tree"), "times": 1}, {"reply": {"text": "So"}}])
    first = [{"tool": "calculator", "arguments": {"expression": "6*7"}}]
    context = {"allowed_tools": ["count_tree", "sign_contract"], "forced_tools": first}
    task, done = ran(looping, cast, "What is it?", context=context)
    assert done["result"] == "So"
    called = [s["agent"] for s in looping.steps(cast.owner.api_key, task) if s["kind"] == "tools.call"]
    assert called == ["first~1", "agent"]
    asked, then = model_server.log()
    assert sorted(asked["tools"]) == ["count_tree", "sign_contract"]
    assert "Call calculator first" in asked["messages"][1]["content"] and '"42"' in asked["messages"][1]["content"]
    refusal = next(m["content"] for m in then["messages"] if m["role"] == "tool" and "tool.not_allowed" in m["content"])
    assert "'marker'" in refusal
    assert differences(looping, cast, task) == []


@pytest.mark.parametrize(
    ("context", "code"),
    [
        ({"forced_tools": [{"tool": "unheard_of"}]}, "tool.unknown"),
        ({"forced_tools": [{"tool": "calculator", "arguments": {"sum": 1}}]}, "tool.arguments_invalid"),
        ({"allowed_tools": ["unheard_of"]}, "tool.unknown"),
    ],
)
def test_what_a_task_names_and_is_not_there_is_refused_before_an_agent_begins(
    looping: Farm, cast: Cast, model_server: ModelServer, context: dict[str, Any], code: str
) -> None:
    _, done = ran(looping, cast, "What is it?", context=context)
    assert (done["status"], done["error_code"]) == ("TASK_STATUS_FAILED", code) and model_server.log() == []


def code_of(step: Step) -> str:
    return str(step.output["shown"].get("error", {}).get("code", ""))


EIGHT = ["flaky"] * 5 + ["weigh_tree", "draw_song", "calculator"]


@pytest.mark.parametrize(("turns", "killed"), [(50, ""), (12, "worker-tools")])
def test_each_call_of_many_turns_has_its_decision_hold_event_and_result_and_none_is_doubled(
    looping: Farm, cast: Cast, model_server: ModelServer, turns: int, killed: str
) -> None:
    eight = {**calls(*EIGHT), "match": {"share": 0.5, "seed": 8}}
    model_server.script([CLOSED, eight, calls("flaky", "sign_contract", "flaky")])
    key = cast.owner.api_key
    task = looping.submit(key, "Keep the book", mode="simple", max_iterations=turns)
    if killed:
        eventually(lambda: len(model_server.log()) > turns / 3)
        looping.kill(killed)
        looping.launch(killed)
    done = looping.finished(key, task, within_s=120)
    assert done["status"] == "TASK_STATUS_COMPLETED" and done["stopped_by"][0]["limit"] == "turns", done.get("error")

    with tenant_scope(cast.acme.id):
        steps = list(Step.objects.filter(task_id=task).order_by("n"))
        decided = Counter(PolicyDecision.objects.filter(task_id=task, effect="allow").values_list("step", flat=True))
        holds = list(Hold.objects.filter(task_id=task, purpose="tool"))
        seen = Counter(
            Event.objects.filter(task_id=task, type="TOOL_OBSERVATION").values_list("payload__step", flat=True)
        )
        assert verify(cast.acme.id).sound, "the ledger explains every balance"
    made = [step for step in steps if step.kind == "tools.call"]
    assert sum(step.kind == "llm.turn" for step in steps) == turns + 1 and 3 * turns < len(made) <= 8 * turns
    for step in made:
        assert step.state == "done" and seen[step.n] == 1
        attempts = Counter(hold.fence for hold in holds if hold.step == step.n)
        if code_of(step) == "tool.arguments_invalid":  # found before policy and before money
            assert not decided[step.n] and not attempts
            continue
        asked = [parent.n for parent in steps if parent.n in step.parents and parent.kind == "policy.tool"]
        times = [decided[n] for n in asked] or [min(1, decided[step.n])]
        assert times == [1], "decided, and once where it acts"
        assert attempts and max(attempts.values()) == 1, "one hold of each attempt"
    assert {hold.state for hold in holds} <= {"settled", "released"}
    ids = [m["tool_call_id"] for m in model_server.log()[-1]["messages"] if m["role"] == "tool"]
    assert len(ids) == len(set(ids)) == len(made), "the model reads one answer to each of its calls"

    failed = [step for step in made if not step.output["shown"]["ok"]]
    retried = [step for step in made if step.fence > 1]
    assert failed and retried and {"tests.full", "request_timeout"} <= set(map(code_of, failed))
    effects = Counter(mark["key"] for mark in marks(Path(looping.env["HARTLEY_MARKER_LOG"])) if mark["task_id"] == task)
    lines = {f"{task}:{step.n}" for step in made if step.description == "flaky" and step.output["shown"]["ok"]}
    assert lines <= set(effects) and (killed or (lines == set(effects) and max(effects.values()) == 1))
    if killed:
        assert all(one in lines for one, count in effects.items() if count == 1), "what was done is known to be done"
