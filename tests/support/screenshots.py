"""Photographs every page, light and dark, wide and narrow: `python -m tests.support.screenshots docs/screenshots`.

With names behind the folder only those pages: `... docs/screenshots tools tool-try`. Starts its own services and workers,
and runs both bundled examples first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from playwright.sync_api import Page

from tests.support.browser import Visitor, browser, chromium, visitor
from tests.support.documents import LAB, LAB_AT
from tests.support.farm import Farm, eventually
from tests.support.services import ROOT, start_services
from tests.support.site import Look, budget_of, example_body, forked, pages, with_flower

TALLEST = 2400  # pixels of a photograph; what is below is cut off
QUALITY = 72
LIVE = "live-output"
PRINTS = """
import sys, time
print("loaded 12,408 rows from /data/measurements.csv")
for round in range(1, 400):
    print(f"round {round}: loss {1 / (round + 1):.4f}", flush=True)
    if round % 4 == 0:
        print(f"warning: {round} outliers were left out", file=sys.stderr, flush=True)
    time.sleep(0.02 if round < 10 else 1)
"""


def main(folder: Path, only: Collection[str]) -> None:
    if chromium() is None:
        raise SystemExit("Chromium is absent and can't be installed here")
    folder.mkdir(parents=True, exist_ok=True)
    services = start_services()
    env, more = with_flower()
    farm = Farm(services, env, Path(tempfile.mkdtemp()), more=more)
    try:
        made = prepare({**os.environ, **services.env, "HARTLEY_OWNER_PASSWORD": "of the photographs"})
        farm.start()
        looks = fill(farm, made["api_key"], services.env)
        photograph(farm, made, [look for look in looks if not only or look.name in only], folder)
    finally:
        farm.stop()
        services.stop()


def prepare(environment: dict[str, str]) -> dict[str, str]:
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "--database=owner", "-v", "0"], check=True, env=environment, cwd=ROOT)
    done = subprocess.run([*manage, "hartley_init"], check=True, env=environment, cwd=ROOT, capture_output=True)
    return dict(json.loads(done.stdout))


def fill(farm: Farm, key: str, environment: dict[str, str]) -> list[Look]:
    """Two sessions with tasks that ended, one that was cancelled, and a policy module."""
    tasks = [farm.submit(key, **example_body(ROOT / "examples" / name)) for name in ("penguins", "electricity")]
    for task in tasks:
        farm.finished(key, task)
    farm.call(
        key, f"/api/v1/tasks/{farm.submit(key, 'Count to a million, slowly')}/cancel", {"reason": "too slow"}, "POST"
    )
    session = farm.call(key, f"/api/v1/tasks/{tasks[1]}")[1]["session_id"]
    os.environ.update(environment, DJANGO_SETTINGS_MODULE="webapp.config.settings")
    import django

    django.setup()
    from tests.support.alerts import with_alerts
    from webapp.common.tenancy import tenant_scope
    from webapp.orchestration.policies import save_module
    from webapp.prompts.release import shipped
    from webapp.prompts.services import save_version
    from webapp.tenants.models import User
    from webapp.tenants.selectors import principal_of_key
    from webapp.tool_sources.models import ToolSource

    who = principal_of_key(key)
    assert who
    with tenant_scope(who.tenant_id):
        source = 'package hartley.own\n\nimport rego.v1\n\ndeny contains "no code at night" if {\n\tinput.point == "tool_call"\n\tinput.tool.name == "night_shift"\n}\n'
        actor = User.objects.get(id=who.user_id)
        module = save_module(actor=actor, name="house_rules", source=source, note="first")
        text = f"{shipped('editor')} Write for people who read on their phones: at most five sentences."
        save_version(actor=actor, name="editor", text=text, note="shorter answers")
        with_alerts(actor=actor, task=UUID(tasks[1]))
    more = [*tools_and_files(farm, key, session), Look(LIVE, "", "")]
    with tenant_scope(who.tenant_id):
        changed = ToolSource.objects.get(name="interfaces")
        first, second, _, *rest = changed.tools
        schema = {"type": "object", "properties": {"workspace_id": {"type": "integer"}}}
        accepted = [first | {"description": "Say which workspaces there are."}, second | {"parameters": schema}, *rest]
        ToolSource.objects.filter(id=changed.id).update(accepted=accepted)
    return [
        *pages(tasks[1], forked(farm, key, tasks[1]), session, str(module.id), budget_of(farm, key, session), "lab"),
        *more,
        Look("flower", "", "/flower/workers"),
    ]


def tools_and_files(farm: Farm, key: str, session: str) -> list[Look]:
    """Sources of which one fails and one has changed its tools, a direct call, a frozen tool, and files in the session."""
    bearer = {"auth": {"kind": "bearer"}, "secret": "of-the-photographs"}
    lab = {"name": "lab", "kind": "openapi", "document": LAB, "server": LAB_AT, "dangerous": True, **bearer}
    far = {"name": "warehouse_of_the_north", "kind": "mcp", "address": "https://mcp.warehouse.invalid/mcp", **bearer}
    for source in (lab, far, lab | {"name": "interfaces"}):
        farm.call(key, "/api/v1/tool-sources", source)
    for path, text in (("notes.md", "# Notes"), ("data/states.csv", "a,b\n" * 4000), ("data/more/readme.txt", "-")):
        farm.call(key, f"/api/v1/sessions/{session}/files/{path}", text, "PUT")
    farm.call(
        key, "/api/v1/freezes", {"kind": "tool", "subject": "web_fetch", "reason": "A page told agents what to do"}
    )
    eventually(lambda: farm.call(key, "/api/v1/tools/calculator")[0] == 200)
    asked = {"arguments": {"expression": "sqrt(2) * 1000"}, "session_id": session}
    called = farm.call(key, "/api/v1/tools/calculator/execute", asked)[1]["metadata"]["task_id"]
    sources = "/api/v1/tool-sources"
    eventually(lambda: all(each["state"] != "checking" for each in farm.call(key, sources)[1]["sources"]))
    return [
        Look("session-files", "", f"/sessions/{session}?folder=data#files"),
        Look("direct-call", "", f"/tasks/{called}"),
        Look("tool-again", "", f"/tools/try?from={called}"),
        Look("tool-frozen", "", "/tools/try?tool=web_fetch"),
        Look("tool-source-failed", "", "/tool-sources/warehouse_of_the_north"),
        Look("tool-source-changed", "", "/tool-sources/interfaces"),
    ]


@contextmanager
def printing_task(farm: Farm, key: str) -> Iterator[str]:
    """The page of a task whose code prints for as long as it is looked at."""
    step = {"id": "count", "kind": "tool", "tool": "python_executor", "arguments": {"code": PRINTS}}
    task = farm.submit(key, "Follow a long computation while it runs", context={"plan": {"steps": [step]}})
    yield f"/tasks/{task}"
    farm.call(key, f"/api/v1/tasks/{task}/cancel", {"reason": "it was photographed"}, "POST")


def photograph(farm: Farm, made: dict[str, str], looks: list[Look], folder: Path) -> None:
    with browser() as launched:
        for scheme in ("light", "dark"):
            for width, height in ((1440, 900), (390, 844)):
                with visitor(launched, farm.url, width=width, height=height, scheme=scheme) as window:
                    for look in sorted(looks, key=lambda look: look.name != "sign-in"):
                        if look.name != "sign-in":
                            signed_in(window, made)
                        path = folder / f"{look.name}-{scheme}-{width}.jpg"
                        if look.name == LIVE:
                            with printing_task(farm, made["api_key"]) as at:
                                window.open(at).get_by_text("round 12").wait_for()
                                take(window.page, path, width, height)
                            continue
                        page = window.open(look.path)
                        page.wait_for_load_state("networkidle") if look.name == "flower" else page.wait_for_timeout(500)
                        take(page, path, width, height)


def signed_in(window: Visitor, made: dict[str, str]) -> None:
    if not any(cookie.get("name") == "hartley_session" for cookie in window.page.context.cookies()):
        window.sign_in(made["email"], made["password"])


def take(page: Page, path: Path, width: int, height: int) -> None:
    tall = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    page.set_viewport_size({"width": width, "height": max(height, tall)})
    page.screenshot(path=path, type="jpeg", quality=QUALITY)
    page.set_viewport_size({"width": width, "height": height})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
