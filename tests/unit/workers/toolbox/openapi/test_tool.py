"""A call of an operation against a server on this machine: what it is sent, and what is made of its answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.lab import TOKEN, WORKSPACES, Asked, Lab, Said
from tests.unit.workers.toolbox.conftest import MakeContext
from webapp.common.addresses import Reach
from workers.toolbox.egress import Egress
from workers.toolbox.openapi.tool import OpenApiTool
from workers.toolbox.tool import ToolResult

LIMITS = {"dangerous": True, "rate_per_minute": 30, "timeout_s": 5}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def lab() -> Iterator[Lab]:
    running = Lab()
    yield running
    running.stop()


@pytest.fixture
def call(lab: Lab, context: MakeContext) -> Callable[..., Any]:
    reach = Reach.of(ports=[lab.port], plain_http=True, allow=["127.0.0.1"])
    space = {"argument": "space_name", "name": "space_name", "in": "path", "style": "simple", "explode": False}

    async def send(method: str = "GET", *, base: str = "", kept: int = 1000, **arguments: Any) -> ToolResult:
        body = "json" if method == "PUT" else ""
        path = WORKSPACES + "{space_name}"
        tool = OpenApiTool(
            name="lab_x",
            description="d",
            parameters={},
            call={"method": method, "base": base or lab.url(""), "path": path, "parameters": [space], "body": body},
            auth={"kind": "bearer"},
            secret=lambda: TOKEN,
            egress=Egress(reach, within_s=30, body_bytes=kept),
            limits=LIMITS,
            version="1",
        )
        assert (tool.effect, tool.dangerous) == (("computes", False) if method == "GET" else ("acts", True))
        return await tool.run({"space_name": "s", **arguments}, context())

    return send


def answers(*said: Said) -> Callable[[Asked], Said | None]:
    left = iter(said)
    return lambda asked: next(left, None)


async def test_what_was_written_is_read_back(lab: Lab, call: Any) -> None:
    assert (await call("PUT", body={"data": {"a": "ü"}})).output == {"ok": True, "status": 204}
    assert (await call()).output == {"ok": True, "status": 200, "value": {"data": {"a": "ü"}}}
    assert [asked.headers.get("idempotency-key") for asked in lab.asked] == ["k1:3", None]


@pytest.mark.parametrize(("method", "tries"), [("GET", 3), ("PUT", 1)])
async def test_only_what_reads_is_tried_again(
    method: str, tries: int, lab: Lab, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.toolbox.openapi.tool.RETRIES_S", (0, 0))
    lab.answer = lambda asked: Said(503, b"busy")
    result = await call(method, body={})
    assert result.error.code == "openapi.http_503" and "answered 503: busy" in result.error.message
    assert len(lab.asked) == tries


async def test_a_failure_that_passes_is_not_noticed(lab: Lab, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.toolbox.openapi.tool.RETRIES_S", (0, 0))
    lab.answer = answers(Said(429), Said(502))
    assert (await call()).ok and len(lab.asked) == 3


async def test_a_redirect_is_told_and_the_secret_goes_nowhere_else(lab: Lab, call: Any) -> None:
    lab.answer = answers(Said(307, headers={"Location": f"http://127.0.0.1:{lab.port}/other?token={TOKEN}"}))
    result = await call("PUT", body={})
    assert result.error.code == "openapi.redirected" and len(lab.asked) == 1 and TOKEN not in repr(result)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_server_that_says_the_secret_is_not_repeated(status: int, lab: Lab, call: Any) -> None:
    lab.answer = lambda asked: Said(status, json.dumps({"you_sent": asked.headers["authorization"]}).encode(), JSON)
    result = await call()
    assert TOKEN not in repr(result) and "[secret]" in repr(result)


async def test_answers_of_all_kinds(lab: Lab, call: Any) -> None:
    lab.answer = answers(Said(200, b"plain", {"Content-Type": "text/plain"}), Said(200, b"{nope"))
    assert (await call()).output["text"] == "plain"
    assert (await call()).output["text"] == "{nope"
    lab.answer = answers(Said(200, b"[1e999]", JSON), Said(200, b"[" * 900, JSON), Said(200, b'"\\u0000\\ud800"', JSON))
    assert "text" in (await call()).output and "text" in (await call()).output
    assert (await call()).output["value"] == "\ufffd?"
    lab.answer = answers(Said(200, b"x" * 1001))
    assert (await call()).error.code == "openapi.answer_too_large"


@pytest.mark.parametrize(
    ("kind", "body", "ends"),
    [
        ("image/png", b"\x89PNG\r\n", ".png"),
        ("application/pdf; charset=binary", b"%PDF-1.7", ".pdf"),
        ("application/zip", b"PK\3\4", ".zip"),
        ("Application/Octet-Stream", b"text", ".bin"),
        ("x/../../etc", b"\0", ".bin"),
        ("", b"\xff\xfe\0", ".bin"),
    ],
)
async def test_what_is_no_text_becomes_a_file(kind: str, body: bytes, ends: str, lab: Lab, call: Any) -> None:
    lab.answer = lambda asked: Said(200, body, {"Content-Type": kind} if kind else {})
    result = await call()
    sha256 = hashlib.sha256(body).hexdigest()
    path = result.output["path"]
    assert path == f"lab_x-{sha256[:12]}{ends}" and result.changed == {path: body} and not result.besides
    assert (result.output["sha256"], result.output["size_bytes"]) == (sha256, len(body))
    assert result.output["media_type"] == (kind.partition(";")[0].lower() or "application/octet-stream")
    assert result.output["workspace"] == {"changed": [path]}
    assert "was made" in (await call("PUT", body={})).besides, "what acted is not to be done again for want of room"


async def test_a_file_that_holds_the_secret_is_not_kept(lab: Lab, call: Any) -> None:
    lab.answer = lambda asked: Said(200, b"\0" + asked.headers["authorization"].encode(), {"Content-Type": "image/png"})
    result = await call()
    assert result.error.code == "openapi.secret_in_file" and not result.changed and TOKEN not in repr(result)


async def test_what_does_not_answer_is_a_failed_call(lab: Lab, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.toolbox.openapi.tool.RETRIES_S", (0, 0))
    lab.stop()
    assert (await call()).error.code == "request.failed"
    assert "not known" in (await call("PUT", body={})).error.message
    refused = await call("PUT", base="http://10.0.0.1", body={})
    assert refused.error.code == "address.refused" and "not known" not in refused.error.message


@pytest.mark.parametrize("to", ["http://[x", "http://" + "h" * 5000, "//", "http://a:b:c/"])
async def test_an_odd_redirect_is_a_failed_call(to: str, lab: Lab, call: Any) -> None:
    lab.answer = answers(Said(302, headers={"Location": to}))
    result = await call("PUT", body={})
    assert result.error.code == "openapi.redirected" and len(result.error.message) < 200


async def test_a_secret_that_json_hides_is_found_in_the_value(lab: Lab, call: Any) -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in TOKEN)
    lab.answer = answers(Said(200, f'{{"you_sent": "{escaped}"}}'.encode(), JSON))
    assert (await call()).output["value"] == {"you_sent": "[secret]"}
