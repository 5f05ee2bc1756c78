"""Names, descriptions, results, errors and addresses that are markup: words on every page that shows them, never more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cast import Cast, make_cast
from tests.support.pages import signed_in
from tests.support.told_tools import tell_tools
from webapp.agent_tasks.models import Task, TaskState
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task
from webapp.tool_modules.models import ModuleVersion, State, ToolModule
from webapp.tool_sources.models import ToolSource

WORDS = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
ALIVE = ("<img src=x", "<script>alert", 'href="javascript:')
SAID = {"rate_per_minute": 60, "timeout_s": 10, "dangerous": False, "auth": {"kind": "none"}}
FOUND = {"name": WORDS, "description": WORDS, "parameters": {"type": "object"}, "call": {"tool": "echo"}}
CALL = {
    "id": "a",
    "kind": "tool",
    "tool": "calculator",
    "description": WORDS,
    "arguments": {WORDS: f"{WORDS}\n{WORDS}"},
}
PAGES = (
    "/", "/tasks", "/tasks?q={words}", "/tasks/{task}", "/tasks/{task}/events", "/tasks/{task}/steps/1",
    "/tasks/{task}/steps/2", "/sessions", "/sessions/{session}", "/sessions/{session}?folder={words}", "/tools",
    "/tool-sources", "/tool-sources/files", "/budgets", "/budgets/ledger", "/nowhere/{words}",
)  # fmt: skip


@pytest.fixture(scope="module")
def cast() -> Cast:
    tell_tools()
    return make_cast()


@pytest.fixture(scope="module")
def task(cast: Cast) -> Task:
    """With a source and a module of tools beside it."""
    context: dict[str, Any] = {"system_prompt": WORDS, "plan": {"steps": [CALL]}}
    made = submit_task(principal=cast.owner.principal, submission=Submission(query=WORDS, session="s", context=context))
    with tenant_scope(cast.acme.id):
        Task.objects.filter(id=made.id).update(
            state=TaskState.COMPLETED,
            result=f"{WORDS}\n[a](javascript:alert(1))",
            error={"code": WORDS, "message": WORDS},
        )
        ToolSource.objects.create(
            tenant=cast.acme, kind="mcp", name="files", address=f"javascript:alert(1)//{WORDS}", reason=WORDS,
            settings=SAID, tools=[FOUND], left_out=[{"name": WORDS, "reason": WORDS}], revision=3, created_by=WORDS,
        )  # fmt: skip
        module = ToolModule.objects.create(tenant=cast.acme, name="module", active=1)
        ModuleVersion.objects.create(
            tenant=cast.acme, module=module, number=1, description=WORDS, wasm=b"", sha256="0" * 64, size_bytes=0,
            parameters={"type": "object"}, state=State.REFUSED, reason=WORDS, facts={"imports": [WORDS]}, created_by=WORDS,
        )  # fmt: skip
    return made


def test_what_people_models_and_servers_write_is_words_on_every_page(cast: Cast, task: Task) -> None:
    browser = signed_in(cast.owner)
    for page in PAGES:
        answer = browser.get(page.format(task=task.id, session=task.session_id, words=WORDS))
        text = answer.content.decode()
        assert answer.status_code == (404 if "nowhere" in page else 200), page
        assert not [alive for alive in ALIVE if alive in text], page
    assert "&lt;script&gt;alert" in browser.get(f"/tasks/{task.id}").content.decode(), "it is shown, as words"
