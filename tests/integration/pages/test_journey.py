"""What people do: sign in, submit with a file, watch, read the figure, look into a step, make a key, see the queues."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.support.browser import visitor
from tests.support.cast import PASSWORD, Cast
from tests.support.farm import Farm
from tests.support.services import ROOT

DATA = ROOT / "examples" / "electricity" / "iowa-electricity.csv"
QUESTION = "Which source of electricity in Iowa has the highest total net generation? Draw a chart of the trend."
CONFIRM_MS = 30_000


def test_from_the_sign_in_to_the_right_figure(chromium: Browser, farm: Farm, cast: Cast) -> None:
    with visitor(chromium, farm.url) as window:
        page = window.page
        window.sign_in(cast.owner.user.email, PASSWORD)
        page.get_by_role("link", name="New task").first.click()
        page.get_by_role("textbox", name="Question").fill(QUESTION)
        page.get_by_label("Files").set_input_files(DATA)
        expect(page.get_by_text(re.compile("iowa-electricity.csv, [0-9.]+ kB"))).to_be_visible()
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url(re.compile(r"/tasks/[0-9a-f-]{36}$"))
        expect(page.locator(".task-bar .badge")).to_have_text("completed", timeout=CONFIRM_MS)
        expect(page.locator(".prose")).to_contain_text("620,129 GWh")
        chart = page.locator(".prose figure img").first
        assert chart.evaluate("image => image.complete ? image.naturalWidth : 0") > 100
        page.locator("a.node").nth(1).focus()
        page.keyboard.press("Enter")
        drawer = page.get_by_role("dialog")
        expect(drawer).to_contain_text("by rule")
        expect(drawer).to_contain_text("settled")
        page.keyboard.press("Escape")
        expect(drawer).to_be_hidden()
        assert window.complaints == []


def test_what_is_wrong_with_a_new_task_is_said_and_what_was_typed_is_kept(
    chromium: Browser, farm: Farm, cast: Cast
) -> None:
    with visitor(chromium, farm.url, width=390) as window:
        window.sign_in(cast.user.user.email, PASSWORD)
        page = window.open("/tasks/new")
        page.get_by_role("textbox", name="Question").fill("What is in this file?")
        page.get_by_label("Session").fill("no spaces please")
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_role("alert").first).to_contain_text("session_id: must be 1 to 128")
        expect(page.get_by_role("textbox", name="Question")).to_have_value("What is in this file?")


def test_a_key_is_made_shown_once_used_and_revoked(chromium: Browser, farm: Farm, cast: Cast) -> None:
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.user.user.email, PASSWORD)
        page = window.open("/keys")
        if not page.get_by_label("Name").is_visible():
            page.get_by_text("New key").click()
        page.get_by_label("Name").fill("from the page")
        page.get_by_role("button", name="Make the key").click()
        secret = page.locator("#secret").inner_text()
        assert farm.call(secret, "/api/v1/tasks")[0] == 200
        assert secret not in window.open("/keys").content()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Revoke from the page").click()
        expect(page.get_by_text("is revoked")).to_be_visible()
        assert farm.call(secret, "/api/v1/tasks")[0] == 401


def test_the_queues_are_seen_by_the_platforms_operators_and_nobody_else(
    chromium: Browser, farm: Farm, cast: Cast
) -> None:
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.operator.user.email, PASSWORD)
        page = window.open("/workers")
        expect(page.get_by_text("answers").first).to_be_visible(timeout=CONFIRM_MS)
        page = window.open("/flower/workers")
        expect(page.get_by_text("llm@").first).to_be_visible(timeout=CONFIRM_MS)
        assert window.complaints == []
    assert farm.call(cast.operator.api_key, "/flower/api/workers")[0] == 200
    assert farm.call(cast.operator.api_key, "/flower/api/worker/shutdown/tools@x", {}, "POST")[0] == 403
    assert farm.call(cast.user.api_key, "/flower/api/workers")[0] == 403
    assert farm.call(cast.stranger.api_key, "/flower/api/workers")[0] == 403, "an owner, but of another tenant"
    assert farm.call("sk_" + "0" * 64, "/flower/api/workers")[0] == 401
