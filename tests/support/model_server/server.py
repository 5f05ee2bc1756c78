"""
A model server that follows a script: OpenAI's (chat, Responses, embeddings) and Anthropic's protocols, streaming, tool calls, delays and faults.

By hand: `python -m tests.support.model_server --port 9009`, then OPENAI_BASE_URL=http://127.0.0.1:9009/v1 or
ANTHROPIC_BASE_URL=http://127.0.0.1:9009. Without a script it plays Hartley's planner, agents and editor. In tests: `ModelServer`, which runs it as a process of its own.
rules.py tells what a script may say, e.g. [{"match": {"nth": 2}, "fault": {"status": 500}, "times": 1}].
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.model_server.app import ScriptedServer
from tests.support.services import ROOT, die_with_parent

STOP_S = 5.0


class ModelServer:
    """
    Attributes:
        base_url: for OPENAI_BASE_URL; ends in /v1.
        root_url: for ANTHROPIC_BASE_URL; ends in the port.
    """

    def __init__(self, *, log_file: Path | None = None) -> None:
        more = ["--log", str(log_file)] if log_file else []
        command = [sys.executable, "-m", "tests.support.model_server", "--port", "0", *more]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent
        )
        assert self._process.stdout
        self.base_url = self._process.stdout.readline().strip()
        self.root_url = self.base_url.removesuffix("/v1")
        assert self.base_url, f"the model server does not start (exit {self._process.wait(STOP_S)})"

    def script(self, rules: list[dict[str, Any]]) -> None:
        """Replaces the rules before; the first that matches a request answers it."""
        self._control("script", rules)

    def teach(self, facts: list[dict[str, Any]], *, small: Sequence[str]) -> None:
        """What replies that are `taught` know: facts as in oracle.py. `small` names the models that fail at hard ones."""
        self._control("teach", {"facts": facts, "small": list(small)})

    def forget_prompts(self) -> None:
        """As if the providers had kept no prompt, or so long ago that it is gone."""
        self._control("forget", {})

    def log(self) -> list[dict[str, Any]]:
        """
        Every chat request in order: n, started_at, finished_at (None while it runs), outcome (running, completed,
        disconnected or faulted), model, stream, messages, tools, max_tokens, usage; `asked` is the rest of its body,
        `key_ends` the last characters of its key, `port` its client's, which tells one connection from another;
        `status` is that of an answer which was an error from its start.
        """
        found: list[dict[str, Any]] = self._control("log")
        return found

    def count(self) -> Counter[str]:
        """Requests by outcome, and in `total`."""
        return Counter(self._control("count"))

    def gate(self) -> None:
        """Hold every reply back until `release`."""
        self._control("gate", {})

    def release(self) -> None:
        self._control("release", {})

    @contextmanager
    def held(self) -> Iterator[None]:
        """No reply leaves while inside."""
        self.gate()
        try:
            yield
        finally:
            self.release()

    def reset(self) -> None:
        """No rules, no log, no gate, nothing taught, no prompts kept."""
        self._control("reset", {})

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _control(self, name: str, body: Any = None) -> Any:
        url = f"{self.root_url}/_control/{name}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as response:
            return json.load(response)


async def serve(*, port: int, rules: list[dict[str, Any]], log_file: Path | None) -> None:
    """Until it is ended. Prints the base URL when it listens."""
    server = ScriptedServer(rules=rules, log_file=log_file)
    runner = web.AppRunner(server.app(), handler_cancellation=True, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="A scripted model server that speaks OpenAI's and Anthropic's protocols."
    )
    parser.add_argument("--port", type=int, default=9009, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--script", type=Path, help="a JSON file with a list of rules")
    parser.add_argument("--log", type=Path, help="a file that gets one JSON line per finished request")
    options = parser.parse_args()
    rules = json.loads(options.script.read_text(encoding="utf-8")) if options.script else []
    try:
        asyncio.run(serve(port=options.port, rules=rules, log_file=options.log))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
