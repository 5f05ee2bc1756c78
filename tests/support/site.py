"""Every page of the site with an address to open it at, for whoever looks at all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deploy.embedded import programs
from deploy.embedded.home import free_port
from tests.support.farm import Farm


@dataclass(frozen=True)
class Look:
    """`route` is the pattern of the address; `platform` pages show the queues of all tenants."""

    name: str
    route: str
    path: str


def pages(task: str, fork: str, session: str, module: str, budget: str, source: str) -> list[Look]:
    """
    Args:
        task: a task that has ended, with an answer.
        fork: a fork of it that has ended.
        session: its session.
        module: a policy module.
        budget: an envelope.
        source: a source of tools.
    """
    admin = "/admin/decisions/policymodule"
    return [
        Look("sign-in", "sign-in", "/sign-in"),
        Look("now", "", "/"),
        Look("tasks", "tasks", "/tasks"),
        Look("new-task", "tasks/new", "/tasks/new?example=electricity"),
        Look("task", "tasks/<uuid:name>", f"/tasks/{task}"),
        Look("task-events", "tasks/<uuid:name>/events", f"/tasks/{task}/events"),
        Look("step", "tasks/<uuid:name>/steps/<int:n>", f"/tasks/{task}/steps/2"),
        Look("fork", "tasks/<uuid:name>/fork", f"/tasks/{task}/fork"),
        Look("forked", "tasks/<uuid:name>", f"/tasks/{fork}"),
        Look("comparison", "tasks/<uuid:name>/comparison", f"/tasks/{fork}/comparison"),
        Look("sessions", "sessions", "/sessions"),
        Look("session", "sessions/<uuid:name>", f"/sessions/{session}"),
        Look("budgets", "budgets", "/budgets"),
        Look("budget", "budgets/<uuid:name>", f"/budgets/{budget}"),
        Look("ledger", "budgets/ledger", "/budgets/ledger"),
        Look("savings", "budgets/savings", "/budgets/savings"),
        Look("verify", "budgets/verify", "/budgets/verify"),
        Look("alerts", "alerts", "/alerts"),
        Look("workers", "workers", "/workers"),
        Look("models", "models", "/models"),
        Look("prompts", "prompts", "/prompts"),
        Look("prompt", "prompts/<str:name>", "/prompts/editor"),
        Look("prompt-edit", "prompts/<str:name>/edit", "/prompts/editor/edit"),
        Look("tools", "tools", "/tools"),
        Look("tool-try", "tools/try", "/tools/try?tool=calculator"),
        Look("tool-sources", "tool-sources", "/tool-sources"),
        Look("tool-source", "tool-sources/<str:name>", f"/tool-sources/{source}"),
        Look("tool-source-edit", "tool-sources/<str:name>/edit", f"/tool-sources/{source}/edit"),
        Look("freezes", "freezes", "/freezes"),
        Look("keys", "keys", "/keys"),
        Look("not-found", "", "/nowhere"),
        Look("admin", "admin/", "/admin/"),
        Look("admin-users", "admin/", "/admin/tenants/user/"),
        Look("admin-budgets", "admin/", "/admin/budgets/envelope/"),
        Look("admin-ledger", "admin/", "/admin/budgets/ledgerentry/"),
        Look("admin-policy", "admin/", f"{admin}/{module}/change/"),
        Look("admin-freeze", "admin/", "/admin/decisions/freeze/add/"),
        Look("admin-audit", "admin/", "/admin/audit/auditentry/"),
    ]


def with_flower() -> tuple[dict[str, str], dict[str, list[str]]]:
    """What a farm needs for Flower: its environment and its command."""
    port = free_port()
    env = {"FLOWER_URL": f"http://127.0.0.1:{port}", "FLOWER_BASIC_AUTH": "hartley:of-the-tests"}
    return env, {"flower": programs.flower(port)}


def forked(farm: Farm, key: str, task: str) -> str:
    """Ended, from the task's first agent on, with another task for that."""
    at = next(step["n"] for step in farm.steps(key, task) if step["kind"] == "llm.turn")
    asked = {"step": at, "description": "How many years does the table cover?"}
    fork = str(farm.call(key, f"/api/v1/tasks/{task}/fork", asked)[1]["task_id"])
    farm.finished(key, fork)
    return fork


def budget_of(farm: Farm, key: str, session: str) -> str:
    """The session's, which has a limit."""
    found = farm.call(key, "/api/v1/budgets?level=session")[1]["budgets"]
    return next(str(budget["id"]) for budget in found if budget["owner"]["id"] == session)


def example_body(folder: Any) -> dict[str, Any]:
    """The bundled example as a client sends it."""
    import base64
    import json

    body: dict[str, Any] = json.loads((folder / "request.json").read_text())
    for attachment in body["context"]["attachments"]:
        path = folder / attachment.pop("path")
        attachment |= {"filename": path.name, "data": base64.b64encode(path.read_bytes()).decode()}
    return body
