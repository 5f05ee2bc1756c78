"""With real workers: an agent works on its session's files over several turns and tasks, and no other session sees them."""

from __future__ import annotations

from typing import Any

from tests.support.cast import Cast, Person
from tests.support.farm import Farm
from tests.support.model_server import ModelServer
from webapp.agent_tasks.models import Step
from webapp.common.tenancy import tenant_scope


def turn(query: str, *calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """What the model says once, in a task with this question: turns follow each other as in the list."""
    tool_calls = [{"name": name, "arguments": arguments} for name, arguments in calls]
    reply = {"tool_calls": tool_calls} if calls else {"text": "Done."}
    return {"match": {"system_contains": "You are an agent", "user_contains": query}, "reply": reply, "times": 1}


SCRIPT = [
    turn(
        "Draft it",
        ("file_write", {"path": "notes/plan.md", "content": "buy milk\ncall Ann\n"}),
        ("file_write", {"path": "notes/old.md", "content": "buy milk\ncall Ann\n"}),
    ),
    turn("Draft it", ("file_edit", {"path": "notes/plan.md", "old_text": "milk", "new_text": "oats"})),
    turn("Draft it"),
    turn(
        "Check it",
        ("file_search", {"query": "oats"}),
        ("diff_files", {"path_a": "notes/old.md", "path_b": "notes/plan.md", "context_lines": 0}),
    ),
    turn("Check it", ("file_delete", {"path": "notes/old.md"})),
    turn("Check it"),
    turn("Look around", ("file_list", {"recursive": True}), ("file_read", {"path": "notes/plan.md"})),
    turn("Look around"),
]  # fmt: skip


def brought(farm: Farm, who: Person, query: str, session: str) -> list[dict[str, Any]]:
    """What each call of the task's agent was told, in the order of its steps."""
    task = farm.submit(who.api_key, query, session_id=session, mode="simple")
    assert farm.finished(who.api_key, task)["status"] == "TASK_STATUS_COMPLETED"
    with tenant_scope(who.user.tenant_id):
        steps = list(Step.objects.filter(task_id=task, kind="tools.call").order_by("n"))
    return [dict((step.output or {})["shown"]) for step in steps]


def test_an_agent_writes_edits_searches_compares_and_deletes(
    connected: Farm, people: Cast, model_server: ModelServer
) -> None:
    model_server.script(SCRIPT)
    drafted = brought(connected, people.owner, "Draft it", "desk")
    assert [each.get("created") for each in drafted] == [True, True, None] and drafted[2]["replaced"] == 1
    found, difference, deleted = brought(connected, people.owner, "Check it", "desk")
    assert found["matches"] == [{"path": "notes/plan.md", "line": 1, "text": "buy oats"}]
    assert difference["diff"].endswith("-buy milk\n+buy oats\n") and deleted["deleted"] == ["notes/old.md"]
    status, body = connected.call(people.owner.api_key, "/api/v1/sessions/desk/files/notes/plan.md")
    assert status == 200 and body["content"] == "buy oats\ncall Ann\n"
    assert connected.call(people.owner.api_key, "/api/v1/sessions/desk/files/notes/old.md")[0] == 404

    for person, session in ((people.owner, "elsewhere"), (people.stranger, "desk")):
        model_server.script(SCRIPT)
        listed, read = brought(connected, person, "Look around", session)
        assert listed["files"] == [] and read["error"]["code"] == "file.not_found"
