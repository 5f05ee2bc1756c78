"""Every route and page, for every role, for who lacks the scope, for nobody, and for the other tenant.

The API's routes come from the OpenAPI document, the pages from the URL configuration: a new one without a line here
fails the first tests. `OBJECT` routes name something of Acme's owner.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern

from tests.support.alerts import alert_of
from tests.support.cast import Cast, make_cast
from tests.support.pages import signed_in
from tests.support.told_tools import tell_tools
from webapp.agent_tasks.models import Task
from webapp.api.schema import document
from webapp.budgets.models import Envelope
from webapp.catalogue.provider_keys import set_key
from webapp.common.tenancy import tenant_scope
from webapp.dashboard.urls import urlpatterns
from webapp.decisions.models import Freeze
from webapp.orchestration.freezes import freeze
from webapp.orchestration.submit import Attachment, Submission, submit_task
from webapp.prompts.selectors import find_current
from webapp.prompts.services import save_version
from webapp.tenants.models import ApiKey
from webapp.tenants.rules import SCOPES
from webapp.tenants.selectors import find_user, principal_of_user
from webapp.tenants.services import issue_key
from webapp.tenants.tokens import issue_tokens
from webapp.tool_modules.models import ModuleVersion, State, ToolModule
from webapp.tool_modules.rules import NOTHING
from webapp.tool_modules.services import upload
from webapp.tool_sources.models import ToolSource
from webapp.tool_sources.review import seen_of
from webapp.tool_sources.services import register
from webapp.webhooks.models import Webhook
from webapp.webhooks.services import make_webhook, send_test
from webapp.workspaces.services import ByUser, read_workspace, save_changes

SECRET_WORDS = "the very secret question of Acme"
OFFERED = [{"name": "t", "description": SECRET_WORDS, "parameters": {}, "call": {"method": "GET"}}]
SAID = {
    "query": "hi",
    "input": "hi",
    "messages": [{"role": "user", "content": "hi"}],
    "name": "k",
    "kind": "tool",
    "subject": "t",
    "reason": "r",
    "key": "sk-of-one-call",
    "url": "https://hooks.example/acme",
    "seen": seen_of(OFFERED),
}
WEBHOOK = "https://hooks.example/a-path-that-only-acme-knows"
WASM = b"\0asm\1\0\0\0"
MODULE = {"name": "tool_of_one_call", "description": "d", "wasm": base64.b64encode(WASM).decode()}
DOCUMENT = (
    f"openapi: 3.0.3\ninfo: {{title: {SECRET_WORDS}, version: '1'}}\nservers: [url: 'https://x.example']\npaths: {{}}"
)
SOURCE = {"name": "source_of_one_call", "kind": "openapi", "document": DOCUMENT}
OPENED = {"level": "tenant", "period": "day"}
PATCHED = {
    "budgets": '{"tokens_limit": null}',
    "webhooks": '{"is_active": true}',
    "tool-modules": '{"is_enabled": true}',
    "tool-sources": '{"is_enabled": true}',
}
PROVIDER_KEY = "sk-of-acme-for-a-provider-9QxZ"
OPEN = {"GET /health", "GET /readiness", "GET /openapi.json", "POST /api/v1/auth/login", "POST /api/v1/auth/refresh",
        "POST /api/v1/auth/register"}  # fmt: skip
OWN = {  # about the caller alone, or made by them
    "GET /api/v1/auth/api-keys", "POST /api/v1/auth/api-keys", "GET /api/v1/auth/me", "POST /api/v1/auth/refresh-key",
    "GET /api/v1/tasks", "POST /api/v1/tasks", "POST /api/v1/tasks/stream", "POST /api/v1/complexity", "POST /api/v1/quotes", "GET /api/v1/models-status",
    "GET /api/v1/tools", "GET /api/v1/tools/{tool}", "POST /api/v1/tools/{tool}/execute",
    "POST /v1/completions", "GET /v1/models", "GET /v1/models/{model}", "GET /v1/llm-models", "POST /v1/embeddings",
}  # fmt: skip
OBJECT = {  # 404 for another tenant, and for a user who is not the owner's
    "DELETE /api/v1/auth/api-keys/{key}", "GET /api/v1/tasks/{name}", "POST /api/v1/tasks/{name}/cancel",
    "POST /api/v1/tasks/{name}/pause", "POST /api/v1/tasks/{name}/resume", "GET /api/v1/tasks/{name}/control-state", "GET /api/v1/tasks/{name}/events", "GET /api/v1/tasks/{name}/steps",
    "GET /api/v1/tasks/{name}/files/{sha256}", "GET /api/v1/stream/sse", "POST /api/v1/tasks/{name}/replay",
    "POST /api/v1/tasks/{name}/fork", "GET /api/v1/tasks/{name}/comparison",
    "GET /api/v1/sessions/{session}/files", "GET /api/v1/sessions/{session}/files/{path}",
    "PUT /api/v1/sessions/{session}/files/{path}", "DELETE /api/v1/sessions/{session}/files/{path}",
}  # fmt: skip
OPERATORS = {  # of the whole tenant, for those who look after it: 403 for a user
    "GET /api/v1/freezes", "POST /api/v1/freezes", "POST /api/v1/freezes/{freeze}/thaw",
    "GET /api/v1/budgets", "GET /api/v1/budgets/verification", "GET /api/v1/budgets/{budget}", "GET /api/v1/ledger", "GET /api/v1/usage",
    "GET /api/v1/usage/burn-down", "GET /api/v1/savings",
    "GET /api/v1/budget-alerts", "POST /api/v1/budget-alerts/{alert}/seen",
}  # fmt: skip
MANAGERS = {  # secrets and limits of the whole tenant, for those who manage it: 403 for everybody else
    "GET /api/v1/provider-keys", "GET /api/v1/provider-keys/{provider}", "PUT /api/v1/provider-keys/{provider}",
    "DELETE /api/v1/provider-keys/{provider}", "PATCH /api/v1/budgets/{budget}", "POST /api/v1/budgets",
}  # fmt: skip
PROMPTS = {  # how the tenant's agents are told to work: read by those who look after it, written by who governs it
    "GET /api/v1/prompts", "POST /api/v1/prompts", "GET /api/v1/prompts/{prompt}",
    "GET /api/v1/prompts/{prompt}/versions/{version}", "POST /api/v1/prompts/{prompt}/in-force",
}  # fmt: skip
TOOL_MODULES = {  # code that agents may call: read by those who look after it, written by who governs it
    "GET /api/v1/tool-modules", "POST /api/v1/tool-modules", "GET /api/v1/tool-modules/{module}",
    "PATCH /api/v1/tool-modules/{module}", "POST /api/v1/tool-modules/{module}/in-force",
    "DELETE /api/v1/tool-modules/{module}",
}  # fmt: skip
TOOL_SOURCES = {  # servers whose tools agents may call: as above
    "GET /api/v1/tool-sources", "POST /api/v1/tool-sources", "POST /api/v1/tool-sources/validate",
    "GET /api/v1/tool-sources/{source}", "PATCH /api/v1/tool-sources/{source}",
    "DELETE /api/v1/tool-sources/{source}", "POST /api/v1/tool-sources/{source}/look",
    "POST /api/v1/tool-sources/{source}/accept",
}  # fmt: skip
TOOLS = TOOL_MODULES | TOOL_SOURCES
WEBHOOKS = {  # where a tenant's alerts go, for those who change its limits: 403 for everybody else
    "GET /api/v1/webhooks", "POST /api/v1/webhooks", "GET /api/v1/webhooks/{webhook}",
    "PATCH /api/v1/webhooks/{webhook}", "POST /api/v1/webhooks/{webhook}/secret",
    "POST /api/v1/webhooks/{webhook}/test", "GET /api/v1/webhooks/{webhook}/deliveries",
    "POST /api/v1/webhooks/{webhook}/deliveries/{delivery}/retry", "DELETE /api/v1/webhooks/{webhook}",
}  # fmt: skip
OPERATIONS = {
    f"{method.upper()} {path}": operation.get("x-scope")
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
}
REFUSED = {"resume": {409}, "replay": {409}, "fork": {400}, "comparison": {404}}  # of a task that runs
EVERYONE = {"user", "operator", "admin", "owner"}
WATCHERS = {"operator", "admin", "owner"}
PAGES: dict[str, tuple[str, set[str]]] = {  # route -> address, roles that it opens for (of Acme, about the owner's)
    "": ("/", EVERYONE),
    "tasks": ("/tasks", EVERYONE),
    "tasks/new": ("/tasks/new", EVERYONE),
    "tasks/quote": ("POST /tasks/quote", EVERYONE),
    "tasks/<uuid:name>": ("/tasks/{task}", WATCHERS),
    "tasks/<uuid:name>/events": ("/tasks/{task}/events", WATCHERS),
    "tasks/<uuid:name>/steps/<int:n>": ("/tasks/{task}/steps/1", WATCHERS),
    "tasks/<uuid:name>/cancel": ("POST /tasks/{task}/cancel", WATCHERS),
    "tasks/<uuid:name>/pause": ("POST /tasks/{task}/pause", WATCHERS),
    "tasks/<uuid:name>/resume": ("POST /tasks/{task}/resume", WATCHERS),
    "tasks/<uuid:name>/replay": ("POST /tasks/{task}/replay", WATCHERS),
    "tasks/<uuid:name>/fork": ("POST /tasks/{task}/fork", WATCHERS),
    "tasks/<uuid:name>/comparison": ("/tasks/{task}/comparison", set()),  # it is no fork
    "tasks/<uuid:name>/files/<str:sha256>": ("/tasks/{task}/files/{sha256}", WATCHERS),
    "sessions": ("/sessions", EVERYONE),
    "sessions/<uuid:name>": ("/sessions/{session}", WATCHERS),
    "sessions/<uuid:name>/files": ("POST /sessions/{session}/files", WATCHERS),
    "sessions/<uuid:name>/files/<path:path>": ("/sessions/{session}/files/{path}", WATCHERS),
    "sessions/<uuid:name>/remove-file": ("POST /sessions/{session}/remove-file", WATCHERS),
    "budgets": ("/budgets", WATCHERS),
    "budgets/ledger": ("/budgets/ledger", WATCHERS),
    "budgets/ledger.csv": ("/budgets/ledger.csv", WATCHERS),
    "budgets/savings": ("/budgets/savings", WATCHERS),
    "budgets/verify": ("/budgets/verify", WATCHERS),
    "budgets/<uuid:name>": ("/budgets/{budget}", WATCHERS),
    "budgets/<uuid:name>/limits": ("POST /budgets/{budget}/limits", {"admin", "owner"}),
    "alerts": ("/alerts", WATCHERS),
    "alerts/<int:name>/seen": ("POST /alerts/{alert}/seen", WATCHERS),
    "alerts/webhooks/<uuid:name>/switch": ("POST /alerts/webhooks/{webhook}/switch", {"admin", "owner"}),
    "alerts/webhooks/<uuid:name>/test": ("POST /alerts/webhooks/{webhook}/test", {"admin", "owner"}),
    "alerts/webhooks/<uuid:name>/remove": ("POST /alerts/webhooks/{webhook}/remove", {"admin", "owner"}),
    "alerts/webhooks/<uuid:webhook>/<uuid:name>/retry": (
        "POST /alerts/webhooks/{webhook}/{delivery}/retry",
        {"admin", "owner"},
    ),
    "workers": ("/workers", EVERYONE),
    "workers/pulse": ("/workers/pulse", set()),
    "models": ("/models", EVERYONE),
    "prompts": ("/prompts", WATCHERS),
    "prompts/<str:name>": ("/prompts/editor", WATCHERS),
    "prompts/<str:name>/edit": ("/prompts/editor/edit", {"admin", "owner"}),
    "prompts/<str:name>/in-force/<str:version>": ("POST /prompts/editor/in-force/shipped", {"admin", "owner"}),
    "tools": ("/tools", WATCHERS),
    "tools/try": ("POST /tools/try", EVERYONE),
    "tools/<str:name>/switch": ("POST /tools/{module}/switch", {"admin", "owner"}),
    "tools/<str:name>/in-force/<int:version>": ("POST /tools/{module}/in-force/1", {"admin", "owner"}),
    "tools/<str:name>/remove": ("POST /tools/{module}/remove", {"admin", "owner"}),
    "tool-sources": ("/tool-sources", WATCHERS),
    "tool-sources/<str:name>": ("/tool-sources/{source}", WATCHERS),
    "tool-sources/<str:name>/edit": ("/tool-sources/{source}/edit", {"admin", "owner"}),
    "tool-sources/<str:name>/accept": ("POST /tool-sources/{source}/accept", {"admin", "owner"}),
    "tool-sources/<str:name>/switch": ("POST /tool-sources/{source}/switch", {"admin", "owner"}),
    "tool-sources/<str:name>/look": ("POST /tool-sources/{source}/look", {"admin", "owner"}),
    "tool-sources/<str:name>/remove": ("POST /tool-sources/{source}/remove", {"admin", "owner"}),
    "freezes": ("/freezes", WATCHERS),
    "freezes/<str:name>/thaw": ("POST /freezes/{freeze}/thaw", WATCHERS),
    "keys": ("/keys", EVERYONE),
    "keys/<str:key>/revoke": ("POST /keys/{key}/revoke", {"admin", "owner"}),
    "keys/providers": ("POST /keys/providers", {"admin", "owner"}),
    "keys/providers/<str:provider>/remove": ("POST /keys/providers/openai/remove", {"admin", "owner"}),
    "flower/": ("/flower/", set()),
    "flower/<path:path>": ("/flower/workers", set()),
}
SHOWN = {"tasks/quote"}  # sent, and shown in the page that sent it
NOT_HERE = {"sign-in", "sign-out"}  # for everybody


@dataclass(frozen=True)
class Place:
    """What of Acme's owner the routes name."""

    task: str
    session: str
    sha256: str
    key: str
    freeze: str
    alert: str
    webhook: str
    delivery: str
    budget: str
    module: str
    source: str
    provider: str = "openai"
    tool: str = "calculator"
    prompt: str = "editor"
    version: str = "1"
    path: str = "notes/of-acme.txt"

    def fill(self, path: str) -> str:
        filled = path.replace("{name}", self.task).replace("{model}", "shannon-chat")
        for name in (
            "task",
            "session",
            "sha256",
            "key",
            "freeze",
            "alert",
            "budget",
            "webhook",
            "delivery",
            "provider",
            "prompt",
            "version",
            "path",
            "module",
            "tool",
            "source",
        ):
            filled = filled.replace(f"{{{name}}}", getattr(self, name))
        return f"{filled}?workflow_id={self.task}" if filled == "/api/v1/stream/sse" else filled


@pytest.fixture(scope="module")
def cast() -> Cast:
    cast = make_cast()
    tell_tools()
    submit_task(principal=cast.stranger.principal, submission=Submission(query="hi"))
    return cast


@pytest.fixture(autouse=True)
def _a_key_for_each_call() -> Iterator[None]:
    with override_settings(KEYS_PER_PERSON=1_000_000):
        yield


@pytest.fixture
def place(cast: Cast) -> Place:
    """Made anew for each test: some routes end what they name."""
    file = Attachment("a.csv", "text/csv", b"a,b\n1,2\n")
    task = submit_task(principal=cast.owner.principal, submission=Submission(query=SECRET_WORDS, attachments=(file,)))
    made = issue_key(user=cast.owner.user, name="to be found by nobody else")
    notes = {Place.path: SECRET_WORDS.encode()}
    save_changes(tenant=cast.acme.id, session=task.session_id, by=ByUser(cast.owner.user.id), changed=notes)
    with tenant_scope(cast.acme.id):
        set_key(actor=cast.owner.user, provider="openai", key=PROVIDER_KEY)
        text = f"{SECRET_WORDS} {uuid4()}"
        save_version(actor=cast.owner.user, name="editor", text=text)
        frozen = freeze(actor=cast.owner.user, kind="tool", subject="nothing", reason=SECRET_WORDS)
        budget = Envelope.objects.get(level="task", owner_id=task.id)
        Webhook.objects.all().delete()
        hook = make_webhook(actor=cast.owner.user, url=WEBHOOK, kinds=["budget.alert"]).webhook
        told = send_test(actor=cast.owner.user, name=str(hook.id))
        alert = alert_of(cast.acme.id)
        ToolModule.objects.all().delete()
        module = upload(
            actor=cast.owner.user,
            name=f"tool_{uuid4().hex}",
            description=SECRET_WORDS,
            parameters=NOTHING,
            wasm=WASM,
        ).module
        ModuleVersion.objects.update(state=State.READY)
        ToolSource.objects.all().delete()
        source = register(actor=cast.owner.user, asked=SOURCE | {"name": f"s{uuid4().hex[:20]}"})
        ToolSource.objects.update(tools=OFFERED, accepted=[])
    return Place(
        str(task.id), str(task.session_id), task.attachments[0]["id"], str(made.key.id), str(frozen.id),
        str(alert.id), str(hook.id), str(told.id), str(budget.id), module.name, source.name,
    )  # fmt: skip


def call(operation: str, place: Place, key: str | None) -> HttpResponse:
    method, path = operation.split(" ")
    headers = {"X-API-Key": key} if key else {}
    said = SAID | {"name": "editor", "text": f"Edit. {uuid4()}", "version": "shipped"} if "prompts" in path else SAID
    said = MODULE if path == "/api/v1/tool-modules" else {"version": 1} if "tool-modules" in path else said
    said = SOURCE if path == "/api/v1/tool-sources" else {"document": "x"} if path.endswith("/validate") else said
    said = OPENED if path == "/api/v1/budgets" else said
    body = (
        json.dumps(said)
        if method in ("POST", "PUT")
        else PATCHED.get(path.split("/")[3], "")
        if method == "PATCH"
        else ""
    )
    return Client().generic(method, place.fill(path), body, "application/json", headers=headers)  # type: ignore[return-value]


def key_of(cast: Cast, role: str, scopes: set[str] | None = None) -> str:
    person = getattr(cast, role)
    return issue_key(user=person.user, name="for one call", scopes=frozenset(scopes) if scopes else None).secret


def credential(cast: Cast, role: str, operation: str) -> str:
    """A key; where keys themselves are made and ended a plain one has no say, so there as a person signed in."""
    if "api-keys" not in operation:
        return key_of(cast, role)
    signed_in_as = principal_of_user(find_user(getattr(cast, role).user.tenant_id, getattr(cast, role).user.id))
    return issue_tokens(principal=signed_in_as).access


def test_every_route_has_a_line_here() -> None:
    assert set(OPERATIONS) == OPEN | OWN | OBJECT | OPERATORS | MANAGERS | PROMPTS | TOOLS | WEBHOOKS
    routes = {str(pattern.pattern) for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    assert routes == set(PAGES) | NOT_HERE


@pytest.mark.parametrize("operation", sorted(OWN | OBJECT | OPERATORS | MANAGERS | PROMPTS | TOOLS | WEBHOOKS))
def test_a_route_asks_for_a_credential_and_its_scope(operation: str, cast: Cast, place: Place) -> None:
    scope = OPERATIONS[operation]
    assert scope, "every route that isn't open names a scope"
    assert call(operation, place, None).status_code == 401
    assert call(operation, place, "sk_" + "0" * 64).status_code == 401
    if scope in SCOPES:
        without = key_of(cast, "owner", set(SCOPES) - {scope})
        assert call(operation, place, without).status_code == 403


@pytest.mark.parametrize("operation", sorted(OBJECT))
def test_what_is_anothers_is_not_there(operation: str, cast: Cast, place: Place) -> None:
    for role in ("stranger", "user"):
        answer = call(operation, place, credential(cast, role, operation))
        assert answer.status_code == 404, (role, answer.status_code)
        assert SECRET_WORDS.encode() not in answer.content
    ours = {"admin", "owner"} if "api-keys" in operation else WATCHERS
    with tenant_scope(cast.acme.id):
        state = Task.objects.get(id=place.task).state
        assert state == "running" and ApiKey.objects.get(id=place.key).is_active, "nothing was done to it"
    assert read_workspace(cast.acme.id, UUID(place.session)) == {place.path: SECRET_WORDS.encode()}
    done = REFUSED.get(operation.rpartition("/")[2], {200, 202})
    for role in sorted(ours)[:1]:
        assert call(operation, place, credential(cast, role, operation)).status_code in done


@pytest.mark.parametrize("operation", sorted(OWN))
@pytest.mark.parametrize("role", [*sorted(EVERYONE), "stranger"])
def test_what_is_ones_own_shows_nothing_of_others(operation: str, role: str, cast: Cast, place: Place) -> None:
    answer = call(operation, place, credential(cast, role, operation))
    assert answer.status_code in (200, 201, 202), answer.content
    if role in ("user", "stranger"):
        text = answer.content.decode()
        for secret in (place.task, place.session, place.key, place.sha256, SECRET_WORDS):
            assert secret not in text


@pytest.mark.parametrize("operation", sorted(OPERATORS))
def test_what_operators_do_is_theirs_and_their_tenants(operation: str, cast: Cast, place: Place) -> None:
    assert call(operation, place, key_of(cast, "user")).status_code == 403
    answer = call(operation, place, key_of(cast, "stranger"))
    assert answer.status_code == (404 if "{" in operation else 201 if "POST" in operation else 200)
    assert SECRET_WORDS.encode() not in answer.content
    with tenant_scope(cast.acme.id):
        assert Freeze.objects.get(id=place.freeze).thawed_at is None
    for role in sorted(WATCHERS):
        assert call(operation, place, key_of(cast, role)).status_code in (200, 201)


@pytest.mark.parametrize("operation", sorted(MANAGERS))
def test_the_tenants_secrets_and_limits_are_for_those_who_manage_it(operation: str, cast: Cast, place: Place) -> None:
    made = {("DELETE", "owner"): 404, ("POST", "admin"): 201}
    for role in ("user", "operator"):
        assert call(operation, place, key_of(cast, role)).status_code == 403
    answer = call(operation, place, key_of(cast, "stranger"))
    assert answer.status_code == (
        404 if "PUT" not in operation and "{" in operation else 201 if "POST" in operation else 200
    )
    for role in ("admin", "owner"):
        answer = call(operation, place, key_of(cast, role))
        assert answer.status_code == made.get((operation.split()[0], role), 200), "the admin has done it"
        assert PROVIDER_KEY.encode() not in answer.content


@pytest.mark.parametrize("operation", sorted(PROMPTS))
def test_prompts_are_read_by_who_may_read_policies_and_written_by_who_may_write_them(
    operation: str, cast: Cast, place: Place
) -> None:
    writes = operation.startswith("POST")
    for role in ("user", *(["operator"] if writes else [])):
        assert call(operation, place, key_of(cast, role)).status_code == 403
    theirs = call(operation, place, key_of(cast, "stranger"))
    assert theirs.status_code == (
        404 if operation.endswith("{version}") else 201 if writes and "{" not in operation else 200
    )
    assert SECRET_WORDS.encode() not in theirs.content
    with tenant_scope(cast.acme.id):
        assert SECRET_WORDS in find_current(cast.acme.id, "editor").text, "theirs changed nothing of ours"
    for role in sorted(WATCHERS - ({"operator"} if writes else set())):
        assert call(operation, place, key_of(cast, role)).status_code in (200, 201)


@pytest.mark.parametrize("operation", sorted(TOOL_MODULES))
def test_tool_modules_are_read_by_who_looks_after_them_and_written_by_who_governs(
    operation: str, cast: Cast, place: Place
) -> None:
    writes = not operation.startswith("GET")
    for role in ("user", *(["operator"] if writes else [])):
        assert call(operation, place, key_of(cast, role)).status_code == 403
    theirs = call(operation, place, key_of(cast, "stranger"))
    assert theirs.status_code == (404 if "{" in operation else 202 if writes else 200)
    assert SECRET_WORDS.encode() not in theirs.content
    with tenant_scope(cast.acme.id):
        assert ToolModule.objects.filter(name=place.module).exists()
    assert call(operation, place, key_of(cast, "admin")).status_code in (200, 202)


@pytest.mark.parametrize("operation", sorted(TOOL_SOURCES))
def test_tool_sources_are_read_by_who_looks_after_them_and_written_by_who_governs(
    operation: str, cast: Cast, place: Place
) -> None:
    writes = not operation.startswith("GET")
    for role in ("user", *(["operator"] if writes else [])):
        assert call(operation, place, key_of(cast, role)).status_code == 403
    with tenant_scope(cast.globex.id):
        ToolSource.objects.all().delete()
    theirs = call(operation, place, key_of(cast, "stranger"))
    made = 200 if "validate" in operation or not writes else 202
    assert theirs.status_code == (404 if "{" in operation else made)
    assert SECRET_WORDS.encode() not in theirs.content
    with tenant_scope(cast.acme.id):
        assert ToolSource.objects.filter(name=place.source).exists()
    assert call(operation, place, key_of(cast, "admin")).status_code in (200, 202)


@pytest.mark.parametrize("operation", sorted(WEBHOOKS))
def test_webhooks_are_for_those_who_change_limits(operation: str, cast: Cast, place: Place) -> None:
    for role in ("user", "operator"):
        assert call(operation, place, key_of(cast, role)).status_code == 403
    answer = call(operation, place, key_of(cast, "stranger"))
    assert answer.status_code == (404 if "{" in operation else 201 if "POST" in operation else 200)
    assert WEBHOOK.encode() not in answer.content
    with tenant_scope(cast.acme.id):
        assert Webhook.objects.filter(id=place.webhook).exists()
    assert call(operation, place, key_of(cast, "admin")).status_code in (200, 201, 202)


@pytest.fixture(scope="module")
def windows(cast: Cast) -> dict[str, Client]:
    """A browser of each role, signed in."""
    people = ("stranger", "user", "operator", "admin", "owner")
    return {"nobody": Client()} | {role: signed_in(getattr(cast, role)) for role in people}


@pytest.mark.parametrize("route", sorted(PAGES))
def test_a_page_opens_for_its_roles_and_for_nobody_else(route: str, windows: dict[str, Client], place: Place) -> None:
    path, roles = PAGES[route]
    method, address = path.split(" ") if " " in path else ("GET", path)
    seen: dict[str, int] = {}
    for role, client in windows.items():
        answer: Any = client.generic(method, place.fill(address))
        seen[role] = answer.status_code
        if role in ("nobody", "stranger", "user"):
            text = answer.getvalue().decode(errors="replace")
            assert not any(s in text for s in (SECRET_WORDS, place.key, place.sha256)), role
    done = {302} if method == "POST" and route not in SHOWN else {200}
    assert seen.pop("nobody") == 302
    stranger = seen.pop("stranger")
    assert stranger in ({404} if "{" in path else done | {403}), stranger
    opened = {role for role, status in seen.items() if status in done}
    gone = "remove" in route and "providers" not in route and "file" not in route  # those say so on their page
    if method == "POST" and ("revoke" in route or gone):
        roles = {"admin"}  # the first of them has done it; for the next it is not there any more
    assert opened == roles, seen
    assert all(status in (403, 404) for role, status in seen.items() if role not in roles), seen


def test_no_header_or_parameter_chooses_who_one_is(cast: Cast, place: Place) -> None:
    others = {
        "X-User-Id": str(cast.owner.user.id),
        "X-Tenant-Id": str(cast.acme.id),
        "X-API-Key": cast.stranger.api_key,
    }
    query = f"?tenant_id={cast.acme.id}&user_id={cast.owner.user.id}&api_key={cast.owner.api_key}"
    assert Client().get(f"/api/v1/tasks/{place.task}{query}", headers=others).status_code == 404
    assert Client().get(f"/api/v1/tasks/{place.task}{query}").status_code == 401, (
        "a key in the address opens streams only"
    )


def test_an_unknown_id_and_anothers_look_the_same(cast: Cast, place: Place) -> None:
    headers = {"X-API-Key": cast.stranger.api_key}
    unknown = Client().get(f"/api/v1/tasks/{uuid4()}", headers=headers)
    anothers = Client().get(f"/api/v1/tasks/{place.task}", headers=headers)
    assert (unknown.status_code, unknown.content) == (anothers.status_code, anothers.content)
