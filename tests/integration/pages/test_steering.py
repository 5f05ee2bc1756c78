"""Watching a task that takes its time, and stopping it: the scripted server holds the models' answers."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.support.browser import visitor
from tests.support.cast import PASSWORD, Cast
from tests.support.farm import Farm
from tests.support.model_server import ModelServer

WITHIN_MS = 20_000


def test_steps_light_up_as_they_run(chromium: Browser, connected: Farm, model_server: ModelServer, cast: Cast) -> None:
    with visitor(chromium, connected.url) as window:
        window.sign_in(cast.owner.user.email, PASSWORD)
        with model_server.held():
            task = connected.submit(cast.owner.api_key, "What is 2 + 2?", mode="simple")
            page = window.open(f"/tasks/{task}")
            expect(page.locator("a.node.running")).to_have_count(1, timeout=WITHIN_MS)
            expect(page.locator("[data-live-state]")).to_have_text("live", timeout=WITHIN_MS)
        expect(page.locator(".task-bar .badge")).to_have_text("completed", timeout=WITHIN_MS)
        expect(page.locator("a.node.running")).to_have_count(0)
        assert page.locator("a.node.done").count() >= 2
        assert window.complaints == []


def test_a_running_task_is_cancelled_from_the_page_that_shows_what_runs(
    chromium: Browser, connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    with visitor(chromium, connected.url) as window, model_server.held():
        window.sign_in(cast.operator.user.email, PASSWORD)
        page = window.open("/")
        task = connected.submit(cast.user.api_key, "What is 3 + 3?", mode="simple")
        row = page.locator("article", has=page.locator(f"a[href='/tasks/{task}']"))
        expect(row).to_contain_text("running", timeout=WITHIN_MS)
        page.on("dialog", lambda dialog: dialog.accept())
        row.get_by_role("button", name="Cancel").click()
        expect(page.locator(".task-bar .badge")).to_have_text("cancelled", timeout=WITHIN_MS)
        assert window.complaints == []
