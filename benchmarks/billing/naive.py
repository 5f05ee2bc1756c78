"""The plain way: the large model for everything, with the whole conversation, straight to its provider."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.billing.play import Asked, Heard, Message, play
from benchmarks.billing.prices import entry_usd, price_usd
from benchmarks.billing.sums import Line
from benchmarks.billing.workload import Talk, Workload
from tests.support.model_server import ModelServer

MAX_TOKENS = 1024
TIMEOUT_S = 60


@dataclass(frozen=True)
class Plainly:
    """Asks as a program does that knows nothing but the provider's API. Anthropic is not asked to keep prompts."""

    server: ModelServer
    model: str

    def play(self, workload: Workload) -> tuple[list[Asked], list[Line]]:
        asked = play(workload, self._ask, between=self.server.forget_prompts)
        log = {entry["n"]: entry for entry in self.server.log()}
        return asked, [line_of(log[int(one.heard.name)]) for one in asked]

    def _ask(self, _talk: Talk, messages: Sequence[Message]) -> Heard:
        if self.model.startswith("claude"):
            system, *turns = messages
            body = {"model": self.model, "max_tokens": MAX_TOKENS, "system": system["content"], "messages": turns}
            answer = self._post("/v1/messages", body)
            return Heard(answer["content"][0]["text"], answer["id"].rpartition("_")[2])
        answer = self._post("/v1/chat/completions", {"model": self.model, "messages": list(messages)})
        return Heard(answer["choices"][0]["message"]["content"], answer["id"].rpartition("-")[2])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Authorization": "Bearer plain", "X-Api-Key": "plain"}
        request = Request(self.server.root_url + path, json.dumps(body).encode(), headers)
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def line_of(entry: dict[str, Any]) -> Line:
    prompt, completion = entry["usage"]["prompt_tokens"], entry["usage"]["completion_tokens"]
    return Line(prompt, completion, price_usd(entry["model"], prompt=prompt, completion=completion), entry_usd(entry))
