"""Photographs every page, light and dark, wide and narrow: `python -m tests.support.screenshots docs/screenshots`.

Starts its own services and workers, and runs both bundled examples first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from uuid import UUID

from tests.support.browser import browser, chromium, visitor
from tests.support.documents import LAB, LAB_AT
from tests.support.farm import Farm
from tests.support.services import ROOT, start_services
from tests.support.site import Look, budget_of, example_body, forked, pages, with_flower

TALLEST = 2400  # pixels of a photograph; what is below is cut off
QUALITY = 72


def main(folder: Path) -> None:
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
        photograph(farm.url, made, looks, folder)
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

    who = principal_of_key(key)
    assert who
    with tenant_scope(who.tenant_id):
        source = 'package hartley.own\n\nimport rego.v1\n\ndeny contains "no code at night" if {\n\tinput.point == "tool_call"\n\tinput.tool.name == "night_shift"\n}\n'
        actor = User.objects.get(id=who.user_id)
        module = save_module(actor=actor, name="house_rules", source=source, note="first")
        text = f"{shipped('editor')} Write for people who read on their phones: at most five sentences."
        save_version(actor=actor, name="editor", text=text, note="shorter answers")
        with_alerts(actor=actor, task=UUID(tasks[1]))
    lab = {"name": "lab", "kind": "openapi", "document": LAB, "server": LAB_AT}
    farm.call(key, "/api/v1/tool-sources", lab)
    return [
        *pages(tasks[1], forked(farm, key, tasks[1]), session, str(module.id), budget_of(farm, key, session), "lab"),
        Look("flower", "", "/flower/workers"),
    ]


def photograph(url: str, made: dict[str, str], looks: list[Look], folder: Path) -> None:
    with browser() as launched:
        for scheme in ("light", "dark"):
            for width, height in ((1440, 900), (390, 844)):
                with visitor(launched, url, width=width, height=height, scheme=scheme) as window:
                    for look in looks:
                        if look is looks[1]:
                            window.sign_in(made["email"], made["password"])
                        page = window.open(look.path)
                        page.wait_for_load_state("networkidle") if look.name == "flower" else page.wait_for_timeout(500)
                        tall = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
                        page.set_viewport_size({"width": width, "height": max(height, tall)})
                        path = folder / f"{look.name}-{scheme}-{width}.jpg"
                        page.screenshot(path=path, type="jpeg", quality=QUALITY)
                        page.set_viewport_size({"width": width, "height": height})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
