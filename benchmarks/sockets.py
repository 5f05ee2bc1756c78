"""A thousand websockets on one running task: from the commit to the client, beside the channel layer's groups, in one run.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.sockets [--sockets 1000] [--events 40]

Starts its own Postgres, Redis and a web process for each of the two. Ours commits each event and wakes the readers, as
the engine does; the peer gets the same text by `group_send`. First a few events far apart (latency), then all at once.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import psutil

from benchmarks.web import running
from deploy.embedded import programs
from deploy.embedded.home import free_port
from tests.support.services import ROOT, start_services

APART_S = 0.4
SLOW_EVENTS = 15
PATIENCE_S = 60
OPENED = 0  # stands for the handshake among the numbers of events
Publish = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Result:
    name: str
    p50_ms: float
    p95_ms: float
    deliveries_per_s: float
    kb_per_socket: float
    cpu_us_per_delivery: float


class Client(asyncio.Protocol):
    """Reads frames of a server, which are not masked, as cheaply as can be: arrivals by number."""

    def __init__(self, head: bytes, arrived: Callable[[int], None]) -> None:
        self._head, self._arrived, self._buffer, self._open = head, arrived, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._head)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            if b"\r\n\r\n" not in self._buffer:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                raise SystemExit(f"refused: {self._buffer[:300]!r}")
            self._open, self._buffer = True, self._buffer.split(b"\r\n\r\n", 1)[1]
            self._arrived(OPENED)
        while len(self._buffer) >= 4:
            length, start = self._buffer[1], 2
            if length == 126:
                length, start = int.from_bytes(self._buffer[2:4], "big"), 4
            if len(self._buffer) < start + length:
                return
            frame, self._buffer = self._buffer[start : start + length], self._buffer[start + length :]
            at = frame.find(b'"seq": ')
            if at >= 0:
                self._arrived(int(frame[at + 7 : frame.index(b",", at)]))


async def measure(
    name: str, port: int, path: str, headers: dict[str, str], publish: Publish, options: argparse.Namespace, server: int
) -> Result:
    arrivals: dict[int, list[float]] = {}

    def arrived(seq: int) -> None:
        arrivals.setdefault(seq, []).append(time.perf_counter())

    process = psutil.Process(server)
    before = process.memory_info().rss
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", "Sec-WebSocket-Version: 13"]
    head = "\r\n".join([*lines, *(f"{key}: {value}" for key, value in headers.items()), "", ""]).encode()
    loop = asyncio.get_running_loop()
    for _ in range(options.sockets // 50):
        await asyncio.gather(
            *(loop.create_connection(lambda: Client(head, arrived), "127.0.0.1", port) for _ in range(50))
        )
    await _all(arrivals, OPENED, options.sockets)  # a group forgets whoever joins too late
    first = 2  # number 1 is there from the beginning
    await publish(first)
    await _all(arrivals, first, options.sockets)
    kb = (process.memory_info().rss - before) / 1024 / options.sockets
    took: list[float] = []
    for seq in range(first + 1, first + 1 + SLOW_EVENTS):
        began = time.perf_counter()
        await publish(seq)
        await _all(arrivals, seq, options.sockets)
        took += [at - began for at in arrivals[seq]]
        await asyncio.sleep(APART_S)
    last = first + SLOW_EVENTS + options.events
    cpu, began = sum(process.cpu_times()[:2]), time.perf_counter()
    for seq in range(first + 1 + SLOW_EVENTS, last + 1):
        await publish(seq)
    await _all(arrivals, last, options.sockets)
    spent = time.perf_counter() - began
    told = sum(len(arrivals.get(seq, ())) for seq in range(first + 1 + SLOW_EVENTS, last + 1))
    cpu = sum(process.cpu_times()[:2]) - cpu
    ordered = sorted(took)
    return Result(
        name,
        ordered[len(ordered) // 2] * 1e3,
        ordered[int(len(ordered) * 0.95)] * 1e3,
        told / spent,
        kb,
        cpu / told * 1e6,
    )


async def _all(arrivals: dict[int, list[float]], seq: int, sockets: int) -> None:
    deadline = time.perf_counter() + PATIENCE_S
    while len(arrivals.get(seq, ())) < sockets:
        if time.perf_counter() > deadline:
            raise SystemExit(f"event {seq} reached {len(arrivals.get(seq, ()))} of {sockets} sockets")
        await asyncio.sleep(0.005)


def ours(options: argparse.Namespace, made: dict[str, str], port: int, server: int) -> Result:
    """Each event is a commit of its own; the text is what the engine writes."""
    from django.db import connection

    from webapp.agent_tasks.models import Task
    from webapp.common.tenancy import tenant_scope
    from webapp.orchestration import dispatch
    from webapp.orchestration.submit import Submission, submit_task
    from webapp.progress.models import Event
    from webapp.tenants.selectors import principal_of_key

    who = principal_of_key(made["api_key"])
    assert who
    task: Task = submit_task(principal=who, submission=Submission(query="a question that runs for long"))

    def commit(seq: int) -> None:
        with tenant_scope(UUID(made["tenant_id"])):
            Event.objects.create(
                tenant_id=who.tenant_id, task=task, seq=seq, type="STEP_STARTED", agent_id="a1", message="x" * 60
            )
        dispatch.wake_readers([task.id])
        connection.close()

    async def publish(seq: int) -> None:
        await asyncio.to_thread(commit, seq)

    path = f"/api/v1/stream/ws?workflow_id={task.id}"
    return asyncio.run(measure("ours", port, path, {"X-API-Key": made["api_key"]}, publish, options, server))


def peer(options: argparse.Namespace, port: int, server: int, redis_url: str) -> Result:
    from channels_redis.core import RedisChannelLayer

    async def run() -> Result:
        layer = RedisChannelLayer(hosts=[redis_url], capacity=5000)
        body = {
            "workflow_id": "0" * 36,
            "type": "STEP_STARTED",
            "agent_id": "a1",
            "message": "x" * 60,
            "timestamp": "t" * 30,
        }

        async def publish(seq: int) -> None:
            text = json.dumps({**body, "seq": seq, "stream_id": str(seq)})
            await layer.group_send("task", {"type": "tell", "text": text})

        return await measure("channel layer groups", port, "/ws", {}, publish, options, server)

    return asyncio.run(run())


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--sockets", type=int, default=1000, help="on one task, in fifties (default: 1000)")
    given.add_argument("--events", type=int, default=40, help="sent at once, after those sent apart (default: 40)")
    options = given.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    services = start_services()
    try:
        os.environ.update(services.env)
        os.environ["HARTLEY_SOCKETS_PER_USER"] = "100000"
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "--database=owner", "-v", "0"], check=True, cwd=ROOT)
        made = json.loads(subprocess.run([*manage, "hartley_init"], check=True, cwd=ROOT, capture_output=True).stdout)
        os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.config.settings"
        import django

        django.setup()
        port = free_port()
        with running(
            [sys.executable, *programs.web(port, 2)], dict(os.environ), f"http://127.0.0.1:{port}/health"
        ) as pid:
            results = [ours(options, made, port, pid)]
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "benchmarks.groups:application",
            "--port",
            str(port),
            "--lifespan",
            "off",
        ]
        with running(command, dict(os.environ), f"http://127.0.0.1:{port}/") as pid:
            results.append(peer(options, port, pid, services.env["REDIS_URL"]))
    finally:
        services.stop()
    print(f"{options.sockets} sockets on one task, {options.events} events at once")
    print(f"{'':24}{'p50 ms':>9}{'p95 ms':>9}{'deliveries/s':>14}{'kB/socket':>11}{'CPU us/delivery':>17}")
    for row in results:
        print(
            f"{row.name:24}{row.p50_ms:9.1f}{row.p95_ms:9.1f}{row.deliveries_per_s:14,.0f}{row.kb_per_socket:11.0f}"
            f"{row.cpu_us_per_delivery:17.1f}"
        )
    print(f"ratio of deliveries/s: {results[0].deliveries_per_s / results[1].deliveries_per_s:.1f}")


if __name__ == "__main__":
    main()
