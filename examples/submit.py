"""
Submits an example to a running Hartley, waits, and prints the answer. Standard library only.

    python examples/submit.py examples/penguins
    python examples/submit.py examples/penguins --url http://127.0.0.1:8080 --api-key sk_...
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

POLL_S = 0.5
CALL_TIMEOUT_S = 30.0
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "CANCELED", "TIMEOUT")

Call = Callable[[str, dict[str, Any] | None], dict[str, Any]]


class ExampleError(Exception):
    """A failure that the person at the terminal can act on; the message says how."""


def load_request(folder: Path) -> dict[str, Any]:
    """
    The body of `POST /api/v1/tasks`: request.json with each attachment's `path` replaced by its contents.

    `{"path": "a.csv", "media_type": "text/csv"}` becomes `{"filename": "a.csv", ..., "data": "<base64>"}`.

    Raises:
        ExampleError: no request.json, not JSON, or an attachment that is missing or outside the folder.
    """
    body = _read_json(folder / "request.json")
    context = body.get("context") or {}
    attachments = [_inline(folder, attachment) for attachment in context.get("attachments", [])]
    return {**body, "context": {**context, "attachments": attachments}}


def _inline(folder: Path, attachment: dict[str, Any]) -> dict[str, Any]:
    if "path" not in attachment:
        return attachment
    path = (folder / attachment["path"]).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ExampleError(f"{folder}: the attachment {attachment['path']} is not a file of this folder")
    rest = {key: value for key, value in attachment.items() if key != "path"}
    return {**rest, "filename": path.name, "data": base64.b64encode(path.read_bytes()).decode()}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExampleError(f"{path} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ExampleError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ExampleError(f"{path} must hold a JSON object")
    return found


def connect(url: str, api_key: str) -> Call:
    """A function (path, body) -> answer; a body makes it a POST. It raises ExampleError in plain words."""

    def call(path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-API-Key": api_key, "Content-Type": "application/json"}
        request = urllib.request.Request(url.rstrip("/") + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=CALL_TIMEOUT_S) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise ExampleError(f"{url} answered {error.code}: {_reason(error)}") from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise ExampleError(f"{url} can't be reached ({reason}); is `make run` running?") from None
        except ValueError:
            raise ExampleError(f"{url}{path} did not answer with JSON; is it Hartley?") from None

    return call


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read(2000).decode(errors="replace")
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text.strip()[:300] or error.reason


def submit(call: Call, request: dict[str, Any], *, wait_s: float) -> dict[str, Any]:
    """Send the request and poll until the task has ended; returns the body of `GET /api/v1/tasks/{id}`."""
    task_id = call("/api/v1/tasks", request)["task_id"]
    print(f"Task {task_id}", file=sys.stderr)
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        task = call(f"/api/v1/tasks/{task_id}", None)
        if str(task.get("status", "")).removeprefix("TASK_STATUS_") in ENDED:
            return task
        time.sleep(POLL_S)
    raise ExampleError(f"Task {task_id} has not ended after {wait_s:.0f} s; it goes on, and --wait waits longer")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the task completed, 1 when it did not or could not be asked."""
    options = _options(arguments)
    try:
        request = load_request(options.folder)
        url, api_key = _credentials(options)
        task = submit(connect(url, api_key), request, wait_s=options.wait)
    except ExampleError as error:
        print(error, file=sys.stderr)
        return 1
    completed = str(task["status"]).endswith("COMPLETED")
    print(
        task.get("result")
        if completed
        else f"The task ended as {task['status']}: {task.get('error') or 'no reason given'}"
    )
    usage = task.get("usage") or {}
    print(f"\nTokens: {usage.get('total_tokens', 0)}, cost: {usage.get('cost_usd', 0)} USD", file=sys.stderr)
    return 0 if completed else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    home = os.environ.get("HARTLEY_HOME") or ".hartley"
    parser = argparse.ArgumentParser(description="Submit an example to a running Hartley and print the answer.")
    parser.add_argument("folder", type=Path, help="folder with request.json, e.g. examples/penguins")
    parser.add_argument("--url", help="address of Hartley (default: from the credentials file)")
    parser.add_argument("--api-key", help="API key (default: from the credentials file)")
    parser.add_argument(
        "--credentials",
        type=Path,
        default=Path(home, "credentials.json"),
        help="file that `make run` wrote (default: %(default)s)",
    )
    parser.add_argument("--wait", type=float, default=300.0, help="seconds to wait (default: %(default)s)")
    return parser.parse_args(arguments)


def _credentials(options: argparse.Namespace) -> tuple[str, str]:
    """What the options don't give comes from the credentials file."""
    if options.url and options.api_key:
        return options.url, options.api_key
    found = _read_json(options.credentials)
    try:
        return options.url or found["url"], options.api_key or found["api_key"]
    except KeyError as missing:
        raise ExampleError(f"{options.credentials} has no {missing}; give --url and --api-key") from None


if __name__ == "__main__":
    sys.exit(main())
