"""What people do: sign in, submit with a file, watch, read the figure, look into a step, make a key, see the queues."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, FilePayload, expect

from tests.support.browser import visitor
from tests.support.cast import PASSWORD, Cast
from tests.support.farm import Farm, eventually
from tests.support.printing import printing
from tests.support.services import ROOT

DATA = ROOT / "examples" / "electricity" / "iowa-electricity.csv"
QUESTION = "Which source of electricity in Iowa has the highest total net generation? Draw a chart of the trend."
CONFIRM_MS = 30_000
TASK = re.compile(r"/tasks/[0-9a-f-]{36}$")


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "", "buffer": data}


def test_from_the_sign_in_to_the_right_figure(chromium: Browser, farm: Farm, cast: Cast) -> None:
    with visitor(chromium, farm.url) as window:
        page = window.page
        window.sign_in(cast.owner.user.email, PASSWORD)
        page.get_by_role("link", name="New task").first.click()
        page.get_by_role("textbox", name="Question").fill(QUESTION)
        page.get_by_label("Files").set_input_files(DATA)
        expect(page.get_by_text(re.compile("iowa-electricity.csv, [0-9.]+ kB"))).to_be_visible()
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url(TASK)
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


def test_a_quote_is_shown_before_anything_is_submitted(chromium: Browser, farm: Farm, cast: Cast) -> None:
    with visitor(chromium, farm.url, width=390) as window:
        window.sign_in(cast.user.user.email, PASSWORD)
        page = window.open("/tasks/new")
        page.get_by_role("textbox", name="Question").fill("Which source grows fastest?")
        page.get_by_label("Files").set_input_files(DATA)
        page.get_by_role("button", name="Quote").click()
        expect(page.locator("#quote")).to_contain_text(re.compile(r"\$0\.00 \(95 %: \$0\.00\), .+ tokens"))
        expect(page.get_by_role("textbox", name="Question")).to_have_value("Which source grows fastest?")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.url.endswith("/tasks/new") and window.complaints == []


def test_what_is_wrong_with_a_new_task_is_said_and_what_was_typed_is_kept(
    chromium: Browser, farm: Farm, cast: Cast
) -> None:
    with visitor(chromium, farm.url, width=390) as window:
        window.sign_in(cast.user.user.email, PASSWORD)
        page = window.open("/tasks/new")
        page.get_by_role("textbox", name="Question").fill("What is in this file?")
        page.get_by_label("Session").fill("no spaces please")
        page.get_by_role("button", name="Submit").click()
        expect(page.locator("#error-session_id")).to_contain_text("Must be 1 to 128")
        expect(page.get_by_role("textbox", name="Question")).to_have_value("What is in this file?")


def test_files_stay_chosen_when_the_upload_is_refused_and_can_then_be_sent(
    chromium: Browser, farm: Farm, cast: Cast
) -> None:
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.user.user.email, PASSWORD)
        page = window.open("/tasks/new")
        page.get_by_role("textbox", name="Question").fill("What is in these files?")
        page.get_by_label("Files").set_input_files([file("a.csv", b"a,b\n1,2\n"), file("run.sh", b"echo")])
        page.get_by_role("button", name="Submit").click()
        expect(page.locator("#error-context")).to_contain_text("not accepted (run.sh")
        expect(page.get_by_label("Files")).to_have_attribute("aria-invalid", "true")
        page.get_by_role("button", name="Remove run.sh").click()
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url(TASK)
        expect(page.get_by_text("a.csv").first).to_be_visible()


def test_the_limit_of_files_is_told_before_they_are_sent(
    chromium: Browser, farm: Farm, cast: Cast, tmp_path: Path
) -> None:
    large = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in large:
        path.write_bytes(b"x" * 14_000_000)
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.user.user.email, PASSWORD)
        page = window.open("/tasks/new")
        page.get_by_label("Files").set_input_files(large)
        expect(page.locator("#error-context")).to_have_text("Have 28.0 MB together; the limit is 26.2 MB")
        page.get_by_role("button", name="Remove b.csv").click()
        expect(page.locator("#error-context")).to_be_hidden()


def test_files_can_be_dropped(chromium: Browser, farm: Farm, cast: Cast) -> None:
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.user.user.email, PASSWORD)
        page = window.open("/tasks/new")
        made = "() => { const data = new DataTransfer(); data.items.add(new File(['a'], 'dropped.csv')); return data; }"
        page.dispatch_event("[data-drop]", "drop", {"dataTransfer": page.evaluate_handle(made)})
        expect(page.get_by_text("dropped.csv, 1 bytes")).to_be_visible()


def test_going_back_and_asking_something_else_is_another_task(chromium: Browser, farm: Farm, cast: Cast) -> None:
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.user.user.email, PASSWORD)
        page = window.open("/tasks/new?example=penguins")
        page.get_by_role("button", name="Submit").dblclick()
        page.wait_for_url(TASK)
        first = page.url
        page.go_back()
        page.get_by_role("textbox", name="Question").fill("How many rows are there?")
        page.get_by_role("checkbox", name="penguins.csv").check()
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url(TASK)
        assert page.url != first
        expect(page.locator("h1")).to_contain_text("How many rows")
        assert window.complaints == []


def test_files_of_a_session_are_uploaded_found_by_its_code_downloaded_and_removed(
    chromium: Browser, farm: Farm, cast: Cast
) -> None:
    code = "open('out/double.csv', 'w').write(open('out/in.csv').read() * 2)"
    run = {"id": "run", "kind": "tool", "tool": "python_executor", "arguments": {"code": code}}
    ask = {"mode": "simple", "session_id": "with-files"}
    first = farm.submit(cast.owner.api_key, "What is 1 + 1?", **ask)
    farm.finished(cast.owner.api_key, first)
    with visitor(chromium, farm.url, width=390) as window:
        window.sign_in(cast.owner.user.email, PASSWORD)
        page = window.open(f"/tasks/{first}")
        page.locator("a[href^='/sessions/']").last.click()
        expect(page.get_by_text("No file yet.")).to_be_visible()
        session = page.url.partition("?")[0]
        path = f"/api/v1{urlsplit(session).path}/files/out/in.csv"
        assert farm.call(cast.owner.api_key, path, "a", "PUT")[0] == 200
        page.goto(session)
        page.get_by_label("Choose files").set_input_files(file("notes.md", b"# Notes"))
        page.get_by_role("button", name="Upload", exact=True).click()
        expect(page.get_by_role("link", name="notes.md")).to_be_visible()
        task = farm.submit(cast.owner.api_key, "Double it", **ask, context={"plan": {"steps": [run]}})
        assert farm.finished(cast.owner.api_key, task)["status"] == "TASK_STATUS_COMPLETED"
        page.get_by_role("link", name="out/").click()
        expect(page.get_by_role("link", name="Double it").first).to_be_visible()
        with page.expect_download() as begun:
            page.get_by_role("link", name="double.csv").click()
        assert begun.value.path().read_bytes() == b'"a""a"' and begun.value.suggested_filename == "double.csv"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove double.csv").click()
        expect(page.get_by_text("out/double.csv is removed.")).to_be_visible()
        expect(page.get_by_role("link", name="double.csv")).to_have_count(0)
        assert window.complaints == []


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


def test_what_code_prints_is_seen_while_it_runs_and_is_text_whatever_it_holds(
    chromium: Browser, farm: Farm, cast: Cast
) -> None:
    hostile, key = '<b id="injected">first</b>', cast.owner.api_key
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.owner.user.email, PASSWORD)
        frozen = farm.call(key, "/api/v1/freezes", {"kind": "tool", "subject": "python_executor", "reason": "a test"})[
            1
        ]
        task = farm.submit(key, **printing(hostile, between_s=4))
        page = window.open(f"/tasks/{task}")
        expect(page.locator("[data-live-state]")).to_have_text("live", timeout=CONFIRM_MS)
        farm.call(key, f"/api/v1/freezes/{frozen['id']}/thaw", {}, "POST")
        printed = page.locator("#outputs pre")
        expect(printed).to_have_text(f"{hostile}\ncareful\n", timeout=CONFIRM_MS)
        expect(printed.locator(".stderr")).to_have_text("careful\n")
        page.get_by_role("link", name="python_executor, step").click()
        expect(page.get_by_role("dialog").locator(".output")).to_contain_text(hostile)
        page.keyboard.press("Escape")
        expect(page.locator("#outputs .badge")).to_have_text("done", timeout=CONFIRM_MS)
        expect(printed).to_have_text(f"{hostile}\nlast\n")
        assert page.locator("#injected").count() == 0 and window.complaints == []


HEAR = "frames => frames.forEach(detail => document.body.dispatchEvent(new CustomEvent('hartley:frame', {detail})))"


def told(type_: str, message: str = "", **payload: Any) -> dict[str, Any]:
    return {"type": type_, "agent_id": "a", "message": message, "payload": {"step": 2, **payload}}


def printed(message: str, step: int = 2) -> dict[str, Any]:
    return told("TOOL_OUTPUT", message, step=step, tool="python_executor", stream="stdout")


def test_of_long_output_the_latest_is_kept_and_who_scrolled_up_is_left_there(
    chromium: Browser, farm: Farm, cast: Cast, example: str
) -> None:
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.owner.user.email, PASSWORD)
        page = window.open(f"/tasks/{example}")
        page.evaluate(HEAR, [printed(f"{line}{'.' * 5000}\n") for line in range(60)])
        output = page.locator("#outputs pre")
        at_end = "one => one.scrollHeight - one.scrollTop - one.clientHeight < 2"
        assert 190_000 < output.evaluate("one => one.textContent.length") <= 200_000
        assert "59..." in output.inner_text() and output.evaluate(at_end)
        output.evaluate("one => { one.scrollTop = 50; }")
        page.evaluate(HEAR, [printed("the latest\n")])
        assert "the latest" in output.inner_text() and not output.evaluate(at_end)
        assert window.complaints == []


def test_output_ends_with_its_step_and_another_attempt_begins_anew(
    chromium: Browser, farm: Farm, cast: Cast, example: str
) -> None:
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.owner.user.email, PASSWORD)
        page = window.open(f"/tasks/{example}")
        box = page.locator("#outputs figure")
        page.evaluate(HEAR, [printed("lost with its worker"), told("STEP_RETRYING"), printed("late")])
        expect(box).to_have_count(0)
        page.evaluate(HEAR, [told("STEP_STARTED"), printed("second attempt")])
        expect(box.locator("pre")).to_have_text("second attempt")
        refused = {"code": "sandbox.timeout", "message": "It took too long"}
        page.evaluate(HEAR, [told("TOOL_OBSERVATION", "{…}", success=False, error=refused), printed("late")])
        expect(box.locator(".badge")).to_have_text("failed")
        expect(box.locator("pre")).to_have_text("It took too long")
        page.evaluate(HEAR, [printed("so far", step=3), told("STREAM_END")])
        expect(box.nth(1).locator(".badge")).to_have_text("stopped")
        expect(box.nth(1).locator("pre")).to_have_text("so far")
        assert window.complaints == []


def steps_in_flower(farm: Farm, cast: Cast, task: str) -> dict[str, dict[str, Any]]:
    """The task's steps that have ended, by kind."""
    listed = farm.call(cast.operator.api_key, "/flower/api/tasks?limit=200")[1]
    return {t["name"]: t for t in listed.values() if t["root_id"] == task and t["state"] == "SUCCESS"}


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
    task = farm.submit(cast.owner.api_key, "What is 2 + 2?", mode="simple")
    farm.finished(cast.owner.api_key, task)
    told = eventually(lambda: steps_in_flower(farm, cast, task).get("llm.turn"))
    assert (told["state"], told["root_id"]) == ("SUCCESS", task) and "2 + 2" not in str(told)
    eventually(lambda: {"policy.admit", "control.plan", "tools.call"} <= set(steps_in_flower(farm, cast, task)))
    assert farm.call(cast.operator.api_key, "/flower/api/worker/shutdown/tools@x", {}, "POST")[0] == 403
    assert farm.call(cast.user.api_key, "/flower/api/workers")[0] == 403
    assert farm.call(cast.stranger.api_key, "/flower/api/workers")[0] == 403, "an owner, but of another tenant"
    assert farm.call("sk_" + "0" * 64, "/flower/api/workers")[0] == 401
