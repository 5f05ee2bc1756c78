"""With real workers: a run keeps the prompts that it was submitted with, while it is paused, replayed and forked."""

from __future__ import annotations

from typing import Any

from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.pages import signed_in

FIRST, SECOND = "You are an agent ({role}): {params.tone}, first.", "You are an agent ({role}): {params.tone}, second."
CALCULATES = {"name": "calculator", "arguments": {"expression": "2 + 3"}}
SCRIPT = [
    {"match": {"last_role": "user", "system_contains": "You are an agent"}, "reply": {"tool_calls": [CALCULATES]}}
]


def test_a_new_version_changes_nothing_for_a_paused_run_its_replay_and_its_fork(
    connected: Farm, crew: Cast, model_server: ModelServer
) -> None:
    key = crew.owner.api_key

    def save(text: str) -> None:
        status, answer = connected.call(key, "/api/v1/prompts", {"name": "agent", "text": text})
        assert status == 201, answer

    def told(since: int) -> list[str]:
        """How the agent's calls since then began."""
        asked = [str(call["messages"][0]["content"]) for call in model_server.log()[since:]]
        return [system for system in asked if system.startswith("You are an agent")]

    def made(verb: str, **body: Any) -> str:
        status, answer = connected.call(key, f"/api/v1/tasks/{task}/{verb}", body)
        assert status == 201, answer
        return str(connected.finished(key, answer["task_id"])["task_id"])

    model_server.script(SCRIPT)
    save(FIRST)
    with model_server.held():
        task = connected.submit(key, "What is 2 + 3?", mode="simple", context={"prompt_params": {"tone": "dry"}})
        eventually(lambda: model_server.log())
        connected.call(key, f"/api/v1/tasks/{task}/pause", {})
        save(SECOND)
    eventually(lambda: "WORKFLOW_PAUSED" in [event["type"] for event in connected.events(key, task)])
    assert len(told(0)) == 1, "nothing new starts while it is paused"
    connected.call(key, f"/api/v1/tasks/{task}/resume", {})
    ended = connected.finished(key, task)
    assert ended["status"] == "TASK_STATUS_COMPLETED" and ended["metadata"]["prompts"] == {"agent": 1}
    assert len(told(0)) == 2 and all(system.endswith(": dry, first.") for system in told(0)), told(0)

    before = len(model_server.log())
    replay = made("replay")
    found = connected.call(key, f"/api/v1/tasks/{replay}/comparison")[1]
    assert found["differences"] == [] and found["served"] >= 2 and len(model_server.log()) == before

    turn = next(step["n"] for step in connected.steps(key, task) if step["kind"] == "llm.turn")
    made("fork", step=turn)
    assert len(told(before)) == 2 and all(system.endswith(": dry, first.") for system in told(before))
    before = len(model_server.log())
    asked = {"step": str(turn), "query": "What is 2 + 3?", "prompts": "in_force"}
    fork = signed_in(crew.owner).post(f"/tasks/{task}/fork", asked)["Location"].removeprefix("/tasks/")
    connected.finished(key, fork)
    assert len(told(before)) == 2 and all(system.endswith(": dry, second.") for system in told(before))
    body = connected.call(key, f"/api/v1/tasks/{fork}")[1]
    assert body["metadata"]["prompts"] == {"agent": 2} and body["origin"]["changed"] == {"prompts": "in_force"}
