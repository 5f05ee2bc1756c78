"""One request to the scripted server and what is made of it, in the protocol that it came by."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from tests.support.model_server.prompt_cache import Read
from tests.support.model_server.rules import Reply

KEY_SHOWN = 4  # characters of a key in the log
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
TOLD_ELSEWHERE = ("messages", "input", "model", "stream")


ASKED = ("x-stainless-retry-count", "x-stainless-read-timeout", "x-stainless-timeout")  # of a request, not of a machine


class Wire(Protocol):
    """A protocol: the module `openai_wire`, `responses_wire`, `anthropic_wire` or `embeddings_wire`."""

    PATH: str

    def call_id(self, n: int, /) -> str: ...
    def messages(self, body: dict[str, Any], /) -> list[dict[str, Any]]: ...
    def tools(self, body: dict[str, Any], /) -> list[str]: ...
    def refusal(self, body: dict[str, Any], /) -> str | None: ...
    def error(self, status: int, message: str, /) -> dict[str, Any]: ...
    def completion(
        self, reply: Reply, call: str, body: dict[str, Any], spent: dict[str, Any] | None, /
    ) -> dict[str, Any]: ...
    def frames(
        self, reply: Reply, call: str, body: dict[str, Any], spent: dict[str, Any] | None, /
    ) -> Iterator[bytes]: ...
    def broken(self, message: str, /) -> bytes: ...
    def malformed(self) -> bytes: ...


@dataclass
class Exchange:
    """
    Attributes:
        entry: of the log.
    """

    wire: Wire
    request: web.Request
    body: dict[str, Any]
    n: int
    messages: list[dict[str, Any]] = field(init=False)
    tools: list[str] = field(init=False)
    entry: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.messages, self.tools = self.wire.messages(self.body), self.wire.tools(self.body)
        self.entry = {
            "n": self.n,
            "started_at": time.time(),
            "finished_at": None,
            "outcome": "running",
            "model": self.body.get("model"),
            "stream": bool(self.body.get("stream")),
            "messages": self.messages,
            "tools": self.tools,
            "max_tokens": next((self.body[name] for name in LIMITS if name in self.body), None),
            "told": [
                name
                for name in self.request.headers
                if name.lower().startswith(("x-stainless-", "openai-", "x-secret")) and name.lower() not in ASKED
            ],
            "authorized": self.request.headers.get("Authorization") is not None,
            "port": peer[1] if (peer := self._peer()) else None,
            "key_ends": self.key()[-KEY_SHOWN:],
            "asked": {key: value for key, value in self.body.items() if key not in TOLD_ELSEWHERE},
            "usage": None,
            "status": None,
        }

    @property
    def call(self) -> str:
        return self.wire.call_id(self.n)

    def _peer(self) -> tuple[str, int] | None:
        return self.request.transport and self.request.transport.get_extra_info("peername")

    def key(self) -> str:
        headers = self.request.headers
        return headers.get("Authorization", "").removeprefix("Bearer ") or headers.get("X-Api-Key", "")

    def bill(self, reply: Reply, read: Read | None) -> None:
        """
        Four characters to a token, as a rule of thumb; what the script says goes first.

        Args:
            read: how the provider has read the prompt with what it had kept, where it bills so.
        """
        if isinstance(reply.usage, dict):
            self.entry["usage"] = {"total_tokens": 0, **reply.usage}
        elif reply.usage:
            told = [*self.messages, *(self.body.get("tools") or [])]
            asked = read.tokens if read else max(1, len(json.dumps(told, ensure_ascii=False)) // 4)
            said = max(1, len((reply.thinking or "") + (reply.text or "") + json.dumps(reply.tool_calls)) // 4)
            self.entry["usage"] = {
                "prompt_tokens": asked,
                "completion_tokens": said,
                "total_tokens": asked + said,
                **(read.usage if read else {}),
            }

    def whole(self, reply: Reply) -> dict[str, Any]:
        return self.wire.completion(reply, self.call, self.body, self.entry["usage"])

    def frames(self, reply: Reply) -> Iterator[bytes]:
        return self.wire.frames(reply, self.call, self.body, self.entry["usage"])

    def error(self, status: int, message: str, retry_after_s: float | None = None) -> web.Response:
        self.entry["status"] = status
        headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
        return web.json_response(self.wire.error(status, message), status=status, headers=headers)
