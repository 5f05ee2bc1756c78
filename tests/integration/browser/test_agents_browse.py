"""An agent uses a page that needs scripts, with real workers and the browser's own process; so do people, without one."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from deploy.embedded import programs
from deploy.embedded.home import free_port
from tests.integration.browser.conftest import TOKEN
from tests.support import browser as browsers
from tests.support.cast import Cast
from tests.support.farm import Farm
from tests.support.model_server import ModelServer
from tests.support.standing import Standing
from tests.support.wood import Wood, fact
from webapp.agent_tasks.models import Step
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import PolicyDecision

SHOP = """<title>Shop</title><body><p id=state>closed</p><input id=name><button id=go>Go</button><script>
setTimeout(() => state.textContent = "open", 20);
go.onclick = () => state.textContent = "welcome, " + document.getElementById("name").value</script>"""
ENDED = {"reply": {"text": "I was welcome"}}


@pytest.fixture(scope="module")
def wood() -> Iterator[Wood]:
    running = Wood()
    running.more["/shop"] = (200, {"Content-Type": "text/html"}, SHOP.encode())
    yield running
    running.stop()


@pytest.fixture(scope="module")
def farm(standing: Standing, model_server: ModelServer, wood: Wood) -> Farm:
    if browsers.chromium() is None:
        pytest.skip("CHROMIUM IS ABSENT and can't be installed here: the browser was not tried")
    port = free_port()
    env = {
        "OPENAI_BASE_URL": model_server.base_url,
        "OPENAI_API_KEY": "sk-scripted",
        "HARTLEY_BROWSER_URL": f"http://127.0.0.1:{port}",
        "HARTLEY_BROWSER_TOKEN": TOKEN,
        "HARTLEY_WEB_ALLOW": "127.0.0.1",
        "HARTLEY_WEB_PORTS": f"80,443,{wood.port}",
    }
    return standing.ask(env, {"browser": programs.browser(port)})


def calls(**arguments: Any) -> dict[str, Any]:
    return {"reply": {"tool_calls": [{"name": "browser", "arguments": arguments}]}, "times": 1}


def execute(farm: Farm, key: str, session: str, **arguments: Any) -> tuple[int, Any]:
    body = {"arguments": {"timeout_ms": 20_000, **arguments}, "session_id": session}
    return farm.call(key, "/api/v1/tools/browser/execute", body)


def test_an_agent_uses_a_page_under_policy_and_keeps_a_picture(
    farm: Farm, cast: Cast, model_server: ModelServer, wood: Wood
) -> None:
    patient = {"timeout_ms": 20_000}
    model_server.script(
        [
            calls(action="navigate", url=wood.url("/shop"), **patient),
            calls(action="type", selector="#name", text="Ada", **patient),
            calls(action="click", selector="#go", **patient),
            calls(action="extract", selector="#state"),
            calls(action="screenshot", **patient),
            ENDED,
        ]
    )
    key = cast.owner.api_key
    task = farm.submit(key, "Go to the shop", mode="simple", max_iterations=10)
    done = farm.finished(key, task)
    told = [f"{each['type']}: {each['message']}" for each in farm.events(key, task)]
    assert done["result"] == "I was welcome", "\n".join(told)
    with tenant_scope(cast.acme.id):
        outputs = Step.objects.filter(task_id=task, kind="tools.call").order_by("n").values_list("output", flat=True)
        shown = [output["shown"] for output in outputs]
    assert shown[3]["text"] == "welcome, Ada" and shown[3]["source"] == "untrusted"
    _, file = farm.call(key, f"/api/v1/sessions/{done['session_id']}/files/{shown[4]['path']}")
    picture = b64decode(file["content"])
    assert picture.startswith(b"\x89PNG") and len(picture) == shown[4]["size_bytes"]
    with tenant_scope(cast.acme.id):
        rules = [each.rule for each in PolicyDecision.objects.filter(task_id=task, subject="browser")]
    assert set(rules) == {"tool.browser_reads", "tool.browser_acts"} and len(rules) == 5


def test_people_look_at_a_page_in_their_session_and_the_stranger_finds_none(farm: Farm, cast: Cast, wood: Wood) -> None:
    session = f"looks-{uuid4().hex[:8]}"
    user, stranger = cast.user.api_key, cast.stranger.api_key
    assert execute(farm, user, session, action="navigate", url=wood.url("/oaks/7.html"))[0] == 200
    _, page = execute(farm, user, session, action="extract")
    assert fact(7) in page["output"]["text"] and "Menu of everything" not in page["output"]["text"]
    assert "browser.no_page" in str(execute(farm, stranger, session, action="extract"))
    assert "browser.no_page" in str(execute(farm, user, f"{session}-2", action="extract"))
    assert "policy" in str(execute(farm, user, session, action="click", selector="a"))
    assert "action" in str(execute(farm, cast.owner.api_key, session, action="evaluate"))
    assert "needs url" in str(execute(farm, user, session, action="navigate"))


def test_the_browsers_process_has_no_secret_and_its_absence_is_told(farm: Farm, cast: Cast) -> None:
    process = psutil.Process(farm.processes["browser"].pid)
    environment = Path(f"/proc/{process.pid}/environ").read_text()
    assert TOKEN in environment and "HARTLEY_DB" not in environment and "REDIS" not in environment
    assert "SECRET" not in environment and "sk-scripted" not in environment
    began = process.children(recursive=True)
    farm.kill("browser")
    assert "browser.unavailable" in str(execute(farm, cast.owner.api_key, "gone", action="close"))
    _, alive = psutil.wait_procs(began, timeout=10)
    assert not alive  # Chromium has ended with it
