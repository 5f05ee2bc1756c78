"""Requests a second and p95 of submit, get and list, beside a bare Django view, in one run.

    python -m benchmarks.web [--seconds 5] [--connections 32]

Starts its own Postgres, Redis and web process; no worker, so that what is measured is the web. Each row is one
arrangement; the ratio is to a bare Django view under Django's own ASGI handler, as most would serve it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.load import Result, measure, request
from deploy.embedded import programs
from deploy.embedded.home import free_port
from tests.support.services import ROOT, die_with_parent, start_services


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--seconds", type=float, default=5, help="per row, after 1 s of warm-up (default: 5)")
    given.add_argument("--connections", type=int, default=32, help="kept open side by side (default: 32)")
    options = given.parse_args()
    show([*bare(options), *hartley(options)])


def bare(options: argparse.Namespace) -> Iterator[Result]:
    for name, how in (("bare view, Django's ASGI handler", "asgi"), ("bare view, our front", "threads")):
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "benchmarks.bare:application",
            "--port",
            str(port),
            "--no-access-log",
        ]
        with running(command, {**os.environ, "BARE": how}, f"http://127.0.0.1:{port}/bare"):
            yield run(name, port, request("GET", "/bare"), options)


def hartley(options: argparse.Namespace) -> Iterator[Result]:
    services = start_services()
    try:
        unlimited = {"HARTLEY_RATE_ENTERPRISE": "1000000000,1000000000,1000000000"}
        environment = {**os.environ, **services.env, **unlimited}
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "--database=owner", "-v", "0"], check=True, env=environment, cwd=ROOT)
        made = subprocess.run([*manage, "hartley_init"], check=True, env=environment, cwd=ROOT, capture_output=True)
        headers = {"X-API-Key": json.loads(made.stdout)["api_key"]}
        port = free_port()
        with running([sys.executable, *programs.web(port, 2)], environment, f"http://127.0.0.1:{port}/health"):
            body = json.dumps({"query": "How many days are there in three leap years?"}).encode()
            submit = request("POST", "/api/v1/tasks", headers=headers, body=body)
            yield run("health", port, request("GET", "/health"), options)
            yield run("submit", port, submit, options)
            task = json.load(ask(port, "/api/v1/tasks", headers, body))["task_id"]
            yield run("get", port, request("GET", f"/api/v1/tasks/{task}", headers=headers), options)
            yield run("list, 20 tasks", port, request("GET", "/api/v1/tasks", headers=headers), options)
    finally:
        services.stop()


def run(name: str, port: int, raw: bytes, options: argparse.Namespace) -> Result:
    return measure(name, port, lambda _: raw, seconds=options.seconds, connections=options.connections)


def ask(port: int, path: str, headers: dict[str, str], body: bytes):  # type: ignore[no-untyped-def]
    return urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers), timeout=10)


@contextmanager
def running(command: list[str], environment: dict[str, str], url: str) -> Iterator[int]:
    """A server, once it answers anything at all; yields its process id."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=log, stderr=log, preexec_fn=die_with_parent
        )
        try:
            deadline = time.monotonic() + 30
            while True:
                try:
                    urllib.request.urlopen(url, timeout=2).close()
                    break
                except urllib.error.HTTPError:
                    break
                except OSError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        log.seek(0)
                        raise SystemExit(f"{url} does not answer:\n{log.read().decode()[-2000:]}") from None
                    time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()
            process.wait(20)


def show(results: list[Result]) -> None:
    base = results[0].per_s
    print(f"{'':36}{'requests/s':>12}{'p50 ms':>10}{'p95 ms':>10}{'failed':>8}{'ratio':>8}")
    for row in results:
        print(
            f"{row.name:36}{row.per_s:12.0f}{row.p50_s * 1000:10.1f}{row.p95_s * 1000:10.1f}"
            f"{row.failed:8}{row.per_s / base:8.2f}"
        )


if __name__ == "__main__":
    main()
