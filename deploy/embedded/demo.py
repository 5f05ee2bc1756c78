"""Runs the first example over HTTP and shows it as it happens: the plan, each step, the answer, what it cost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from examples.submit import load_request

QUIET = {"LLM_PROMPT", "BUDGET_HELD", "thread.message.delta", "TOOL_OUTPUT", "WORKFLOW_STARTED"}


def first_example(folder: Path) -> Path:
    return min(folder.glob("*/request.json")).parent


def run(url: str, api_key: str, example: Path) -> bool:
    """True when the task completed."""
    body = load_request(example)
    print(f"\nThe first example: {example.name}\n  {body['query']}\n", flush=True)
    try:
        task = _call(url, api_key, "/api/v1/tasks", body)["task_id"]
        started = time.monotonic()
        for name, data in _events(url, api_key, task):
            line = _line(name, data)
            if line:
                print(f"  {time.monotonic() - started:6.2f} s  {line}", flush=True)
        found = _call(url, api_key, f"/api/v1/tasks/{task}")
    except (OSError, HTTPException, KeyError, ValueError) as error:
        print(f"The example could not be run: {error}", flush=True)
        return False
    _answer(found, time.monotonic() - started)
    return bool(found["status"] == "TASK_STATUS_COMPLETED")


def _answer(task: dict[str, Any], took_s: float) -> None:
    usage = task["usage"]
    print("\n" + (task.get("result") or f"No answer: {task.get('error', task['status'])}"))
    print(
        f"\n  {task['status'].removeprefix('TASK_STATUS_').lower()} in {took_s:.1f} s: {usage['total_tokens']} tokens, "
        f"{usage['cost_usd']:.4f} USD, model {task.get('provider', '-')}/{task.get('model_used', '-')}, "
        f"{task['metadata']['num_agents']} agents",
        flush=True,
    )


def _call(url: str, api_key: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url + path, data=data, headers={"X-API-Key": api_key, "Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _events(url: str, api_key: str, task: str) -> Iterator[tuple[str, dict[str, Any]]]:
    request = Request(f"{url}/api/v1/stream/sse?workflow_id={task}", headers={"X-API-Key": api_key})
    with urlopen(request, timeout=60) as stream:
        name = ""
        for raw in stream:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: ") and name == "done":
                return
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def _line(name: str, data: dict[str, Any]) -> str:
    payload = data.get("payload") or {}
    who = data.get("agent_id") or payload.get("kind", "")
    match name:
        case _ if name in QUIET:
            return ""
        case "PROGRESS":
            steps = "".join(
                f"\n              {s['n']:>3} {s['kind']:<15} {s['agent']:<10} after {s['parents']}: {s['description'][:80]}"
                for s in payload.get("plan", [])
            )
            return f"plan: {payload.get('canvas', data.get('message', ''))}{steps}"
        case "STEP_STARTED" | "STEP_COMPLETED" | "STEP_FAILED" | "STEP_RETRYING":
            word = name.removeprefix("STEP_").lower()
            again = f", attempt {payload['attempt']}" if payload.get("attempt", 1) > 1 else ""
            return f"step {payload.get('step'):>2} {word:<9} {payload.get('kind')} {payload.get('agent') or ''}{again}"
        case "STEP_FROZEN":
            return f"step {payload.get('step'):>2} frozen    {data.get('message', '')}"
        case "POLICY_DECISION":
            return f"step {payload.get('step'):>2} policy    {payload.get('effect')} {payload.get('subject')} by {payload.get('rule')}"
        case "BUDGET_SETTLED":
            return f"step {payload.get('step'):>2} settled   {payload.get('tokens')} tokens, {float(payload.get('cost_usd', 0)):.6f} USD"
        case "TOOL_OBSERVATION":
            return f"step {payload.get('step'):>2} {'result' if payload.get('success') else 'error':<9} {payload.get('tool')} in {payload.get('duration_ms')} ms"
        case "thread.message.completed":
            return f"{who}: {len(data.get('response', ''))} characters written" if data.get("response") else ""
    return f"{name.lower().replace('_', ' ')} {who}".strip()
