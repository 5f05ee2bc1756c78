"""The script that submits examples."""

from __future__ import annotations

import base64
import importlib.util
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
spec = importlib.util.spec_from_file_location("submit", EXAMPLES / "submit.py")
assert spec and spec.loader
submit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(submit)


class FakeHartley(BaseHTTPRequestHandler):
    """Accepts one key; a task is running on the first look and has ended on the second."""

    looks = 0

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = self.headers["X-API-Key"] == "sk_good"
        self.answer(
            200 if known else 401,
            {"task_id": f"t-{len(body['query'])}"} if known else {"error": "unknown key"},
        )

    def do_GET(self) -> None:
        type(self).looks += 1
        ended = type(self).looks > 1
        self.answer(
            200,
            {"status": "TASK_STATUS_COMPLETED" if ended else "TASK_STATUS_RUNNING", "result": "forty-two"},
        )

    def answer(self, status: int, body: dict[str, str]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Tests need no access log."""


@pytest.fixture
def url():
    server = HTTPServer(("127.0.0.1", 0), FakeHartley)
    FakeHartley.looks = 0
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in EXAMPLES.glob("*/request.json")))
def test_each_example_loads_with_its_files_inline(folder):
    request = submit.load_request(EXAMPLES / folder)
    (attachment,) = request["context"]["attachments"]
    assert base64.b64decode(attachment["data"]) == (EXAMPLES / folder / attachment["filename"]).read_bytes()
    assert "path" not in attachment and attachment["media_type"] == "text/csv" and request["query"]


@pytest.mark.parametrize("path", ["../submit.py", "missing.csv"])
def test_an_attachment_outside_the_folder_or_missing_is_refused(tmp_path, path):
    (tmp_path / "request.json").write_text(json.dumps({"query": "q", "context": {"attachments": [{"path": path}]}}))
    with pytest.raises(submit.ExampleError, match="not a file of this folder"):
        submit.load_request(tmp_path)


def test_it_waits_for_the_end_and_prints_the_answer(url, capsys):
    assert submit.main([str(EXAMPLES / "penguins"), "--url", url, "--api-key", "sk_good"]) == 0
    assert "forty-two" in capsys.readouterr().out and FakeHartley.looks == 2


def test_credentials_come_from_the_file(url, tmp_path, capsys):
    (tmp_path / "c.json").write_text(json.dumps({"url": url, "api_key": "sk_good"}))
    assert submit.main([str(EXAMPLES / "penguins"), "--credentials", str(tmp_path / "c.json")]) == 0


def test_a_refused_key_is_said_in_the_servers_words(url, capsys):
    assert submit.main([str(EXAMPLES / "penguins"), "--url", url, "--api-key", "sk_bad"]) == 1
    assert "answered 401: unknown key" in capsys.readouterr().err


def test_nobody_listening_asks_whether_it_runs(capsys):
    assert submit.main([str(EXAMPLES / "penguins"), "--url", "http://127.0.0.1:1", "--api-key", "x"]) == 1
    assert "make run" in capsys.readouterr().err


def test_a_task_that_does_not_end_in_time_is_an_error(url, capsys):
    assert submit.main([str(EXAMPLES / "penguins"), "--url", url, "--api-key", "sk_good", "--wait", "0"]) == 1
    assert "has not ended" in capsys.readouterr().err
