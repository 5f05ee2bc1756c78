"""
Builds the tool with clang, uploads it, waits until it is checked, and calls it by a task. Standard library only.

    python examples/word-count/run.py --api-key sk_...
    python examples/word-count/run.py --url http://127.0.0.1:8080 --api-key sk_... --text "How many words are these?"
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("word_count.c")
POLL_S, WAIT_S = 0.3, 60.0
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT")
PARAMETERS = {
    "type": "object",
    "properties": {"text": {"type": "string", "maxLength": 100_000}},
    "required": ["text"],
    "additionalProperties": False,
}


def build() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "word_count.wasm"
        subprocess.run(["clang", "--target=wasm32-wasi", "-O2", "-o", str(made), str(SOURCE)], check=True)
        return made.read_bytes()


class Hartley:
    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url.rstrip("/"), key

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-API-Key": self._key, "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self._url + path, data, headers), timeout=30) as answer:
            return dict(json.load(answer))

    def upload(self, wasm: bytes) -> dict[str, Any]:
        """The newest version, when it has been checked."""
        body = {"name": "word_count", "description": "Counts the words of a text.", "parameters": PARAMETERS}
        self.call("/api/v1/tool-modules", body | {"wasm": base64.b64encode(wasm).decode()})
        return _until(
            lambda: self.call("/api/v1/tool-modules/word_count")["versions"][0], lambda v: v["state"] != "checking"
        )

    def count(self, text: str) -> dict[str, Any]:
        """The task, when it has ended."""
        step = {"id": "count", "kind": "tool", "tool": "word_count", "arguments": {"text": text}}
        asked = {"query": "Count the words", "context": {"plan": {"steps": [step]}}}
        task = self.call("/api/v1/tasks", asked)["task_id"]
        return _until(lambda: self.call(f"/api/v1/tasks/{task}"), lambda found: found["status"].endswith(ENDED))


def _until(look: Callable[[], dict[str, Any]], done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while not done(found := look()):
        if time.monotonic() > deadline:
            sys.exit(f"Not within {WAIT_S:g} s; look at the workers.")
        time.sleep(POLL_S)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("HARTLEY_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--api-key", default=os.environ.get("HARTLEY_API_KEY"), help="of an admin or an owner")
    parser.add_argument("--text", default="the quick brown fox jumps over the lazy dog")
    asked = parser.parse_args()
    if not asked.api_key:
        parser.error("name a key with --api-key or HARTLEY_API_KEY")
    hartley = Hartley(asked.url, asked.api_key)
    try:
        version = hartley.upload(build())
        print(f"Version {version['version']} is {version['state']}. {version['reason']}")
        if version["state"] == "ready":
            task = hartley.count(asked.text)
            print(task.get("result") or task.get("error_message"))
    except FileNotFoundError:
        sys.exit("clang is missing: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32")
    except urllib.error.HTTPError as error:
        sys.exit(f"Hartley answered {error.code}: {error.read().decode()[:500]}")


if __name__ == "__main__":
    main()
