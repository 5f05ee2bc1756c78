"""Forking and replaying a task with a browser, and looking at both runs side by side."""

from __future__ import annotations

from django.test import Client
from playwright.sync_api import Browser, expect

from tests.support.browser import visitor
from tests.support.cast import PASSWORD, Cast
from tests.support.farm import Farm
from tests.support.pages import signed_in

WITHIN_MS = 30_000


def test_a_task_is_replayed_and_forked_at_a_step_that_one_looks_at(
    chromium: Browser, farm: Farm, cast: Cast, example: str
) -> None:
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.owner.user.email, PASSWORD)
        page = window.open(f"/tasks/{example}")
        page.get_by_role("button", name="Replay").click()
        expect(page.locator("#part-answer")).to_contain_text("No difference", timeout=WITHIN_MS)
        page.locator("#to-origin").click()

        step = next(s for s in farm.steps(cast.owner.api_key, example) if s["kind"] == "llm.turn")
        page.locator(f"#line-{step['n']}").click()
        page.get_by_role("link", name="Fork here").click()
        page.get_by_label("What the agent is to do").fill("How many years does the table cover?")
        page.get_by_role("button", name="Fork", exact=True).click()
        expect(page.locator(".task-bar .badge").first).to_have_text("completed", timeout=WITHIN_MS)
        assert page.locator("a.node.served").count() >= 3

        page.locator("#to-comparison").click()
        expect(page.get_by_role("heading", name="What ran anew")).to_be_visible()
        expect(page.locator("main")).to_contain_text("came from the records")
        expect(page.locator("main")).to_contain_text("description")
        assert window.complaints == []
        fork = page.url.split("/")[-2]
    assert signed_in(cast.stranger).get(f"/tasks/{fork}/comparison").status_code == 404
    assert signed_in(cast.user).get(f"/tasks/{fork}/comparison").status_code == 404
    assert signed_in(cast.operator).get(f"/tasks/{fork}/comparison").status_code == 200


def test_a_broken_fork_says_what_is_wrong_beside_the_field(farm: Farm, cast: Cast, example: str) -> None:
    client: Client = signed_in(cast.owner)
    call = next(s for s in farm.steps(cast.owner.api_key, example) if s["kind"] == "tools.call")
    answer = client.post(f"/tasks/{example}/fork", {"step": call["n"], "arguments": "{not json", "query": "x"})
    assert answer.status_code == 400
    assert "Is not JSON" in answer.content.decode() and "{not json" in answer.content.decode()


def test_a_form_sent_twice_is_one_fork(farm: Farm, cast: Cast, example: str) -> None:
    client: Client = signed_in(cast.owner)
    step = next(s for s in farm.steps(cast.owner.api_key, example) if s["kind"] == "llm.synthesise")
    sent = {"step": step["n"], "once": "0123456789abcdef"}
    first, second = (client.post(f"/tasks/{example}/fork", sent) for _ in range(2))
    assert first.status_code == 302 and first["Location"] == second["Location"]
    farm.finished(cast.owner.api_key, first["Location"].rpartition("/")[2])
