"""A server on this machine that implements the workspaces of tests/support/documents/jupyterlab_server.yml."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.support.documents import LAB

WORKSPACES = "/lab/api/workspaces/"
TOKEN = "lab-token-of-acme-7"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Said:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


class Lab:
    """
    Attributes:
        asked: all that came, but for the document.
        answer: replaces the answer to each call, unless it says None.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.document = LAB
        self.answer: Callable[[Asked], Said | None] = lambda asked: None
        self._spaces: dict[str, Any] = {}
        lab = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                said = lab._said(Asked(self.command, self.path, headers, body))
                self.send_response(said.status)
                for name, value in {**said.headers, "Content-Length": str(len(said.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.body)

            do_GET = do_PUT = do_DELETE = do_POST = _any

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self, path: str = "/openapi.yml") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _said(self, asked: Asked) -> Said:
        if asked.path == "/openapi.yml":
            return Said(200, self.document.encode(), {"Content-Type": "application/yaml"})
        self.asked.append(asked)
        return self.answer(asked) or self._workspaces(asked)

    def _workspaces(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Said(403, b'{"message": "Forbidden"}')
        name = unquote(asked.path.removeprefix(WORKSPACES))
        if not asked.path.startswith(WORKSPACES):
            return Said(404, b'{"message": "Not found"}')
        if asked.method == "PUT":
            self._spaces[name] = json.loads(asked.body)
            return Said(204)
        if asked.method == "DELETE":
            return Said(204 if self._spaces.pop(name, None) else 404)
        if not name:
            found = {"workspaces": {"ids": list(self._spaces), "values": list(self._spaces.values())}}
            return Said(200, json.dumps(found).encode())
        return Said(200, json.dumps(self._spaces.get(name, {"data": {}, "metadata": {"id": name}})).encode())
