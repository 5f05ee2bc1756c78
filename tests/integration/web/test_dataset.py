"""Data that a task names by its address is among the session's files before its agents begin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.wood import Wood, odd_pages

TREES = b"tree,height_m\noak,31\nash,28\n"
CSV = {"Content-Type": "text/csv"}
SHA256 = hashlib.sha256(TREES).hexdigest()


@pytest.fixture(autouse=True)
def _fresh(wood_site: Wood, model_server: ModelServer) -> Iterator[None]:
    wood_site.more = {**odd_pages(wood_site.port), "/data/trees.csv": (200, CSV, TREES)}
    wood_site.asked.clear()
    model_server.reset()
    yield
    model_server.reset()


def test_it_is_downloaded_once_with_its_hash_and_agents_are_told(
    connected: Farm, cast: Cast, wood_site: Wood, model_server: ModelServer
) -> None:
    key = cast.owner.api_key
    model_server.script([{"reply": {"text": "The oak."}}])
    fields = {"mode": "simple", "session_id": "trees", "dataset_url": wood_site.url("/data/trees.csv")}
    task = connected.submit(key, "Which tree is the highest?", **fields)

    assert connected.finished(key, task)["status"] == "TASK_STATUS_COMPLETED"
    assert wood_site.asked["/data/trees.csv"] == 1
    asked = str(model_server.log()[0]["messages"])
    assert SHA256 in asked and '"path": "trees.csv"' in asked.replace("\\", "")
    assert "come from outside" in asked, "the type of a file is its server's word"
    told = [e for e in connected.events(key, task) if e["type"] == "TOOL_OBSERVATION"]
    assert len(told) == 1 and told[0]["payload"]["success"] and told[0]["payload"]["tool"] == "web_download"

    _, files = connected.call(key, "/api/v1/sessions/trees/files")
    (kept,) = files["files"]
    assert (kept["path"], kept["size_bytes"]) == ("trees.csv", len(TREES))
    assert connected.call(cast.stranger.api_key, "/api/v1/sessions/trees/files")[0] == 404


def test_it_is_tried_again_while_its_server_is_away(connected: Farm, cast: Cast, wood_site: Wood) -> None:
    key = cast.owner.api_key
    wood_site.more["/data/trees.csv"] = (503, {}, b"later")
    fields = {"mode": "simple", "dataset_url": wood_site.url("/data/trees.csv")}
    task = connected.submit(key, "Which tree is the highest?", **fields)
    eventually(lambda: wood_site.asked["/data/trees.csv"])
    wood_site.more["/data/trees.csv"] = (200, CSV, TREES)
    assert connected.finished(key, task)["status"] == "TASK_STATUS_COMPLETED"


def test_without_it_no_agent_begins(connected: Farm, cast: Cast, wood_site: Wood, model_server: ModelServer) -> None:
    wood_site.more["/inside"] = (302, {"Location": "http://10.0.0.1/"}, b"")
    key = cast.owner.api_key
    task = connected.submit(key, "Which tree?", mode="simple", dataset_url=wood_site.url("/inside"))
    done = connected.finished(key, task)
    assert done["status"] == "TASK_STATUS_FAILED" and model_server.log() == []
    steps = {step["agent"]: step for step in connected.steps(key, task)}
    assert steps["dataset~1"]["error"]["code"] == "address.refused"


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "ftp://example.com/a.csv", "http://user:pass@example.com/", 7]
)
def test_an_address_that_can_not_be_is_refused_by_name_at_once(connected: Farm, cast: Cast, url: object) -> None:
    for body in ({"dataset_url": url}, {"context": {"dataset_url": url}}):
        status, answer = connected.call(cast.owner.api_key, "/api/v1/tasks", {"query": "Which?", **body})
        assert status == 400 and "dataset_url" in str(answer), answer
