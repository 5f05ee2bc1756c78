"""
What a call through POST /v1/completions takes longer than calling the model server itself, beside LiteLLM's proxy.

    python -m benchmarks.gateway.proxy [--litellm FOLDER] [--seconds 6] [--rounds 3] [--at 1,10,50]

FOLDER is a virtual environment that has benchmarks/litellm.txt. Everything runs here: the scripted model server, which
answers at once; LiteLLM's proxy with one worker, a master key and no database; Hartley's web process and workers with
Postgres (fsync on) and Valkey. Rounds alternate, so that a busy moment of the machine hits all. Their work differs:
LiteLLM passes the call on; Hartley has written it down before it is sent, decided it by policy, held its worst case in
every budget, and answers when what came back is committed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.engine.started import started
from benchmarks.load import Result, measure, request
from benchmarks.web import running
from deploy.embedded import programs
from deploy.embedded.home import free_port
from tests.support.farm import Farm
from tests.support.model_server import ModelServer
from tests.support.services import Services

MODEL = "gpt-4o-mini"
SAID = [{"role": "user", "content": "What is 2 + 2?"}]
REPLY = [{"reply": {"text": "Two and two make four.", "chunks": 4}}]
DIRECT, HARTLEY, LITELLM = "model server", "Hartley", "LiteLLM"
KEY = "sk-bench"


@dataclass(frozen=True)
class Door:
    """One way to the model."""

    name: str
    port: int
    raw: bytes


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument(
        "--litellm", type=Path, help="a virtual environment with litellm[proxy]; without it only Hartley"
    )
    given.add_argument("--seconds", type=float, default=6, help="per round and row (default: 6)")
    given.add_argument("--rounds", type=int, default=3, help="of which the medians count (default: 3)")
    given.add_argument("--at", default="1,10,50", help="how many calls at once (default: 1,10,50)")
    options = given.parse_args()
    with doors(options.litellm) as all_:
        for at in map(int, options.at.split(",")):
            rounds = [[_round(door, at, options.seconds) for door in all_] for _ in range(options.rounds)]
            show(at, [_median(rows) for rows in zip(*rounds, strict=True)])


@contextmanager
def doors(litellm: Path | None) -> Iterator[list[Door]]:
    model = ModelServer()
    try:
        model.script(REPLY)
        own = {
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_API_KEY": KEY,
            "CONFIG__PROVIDERS__OPENAI__REQUESTS_PER_MINUTE": "100000000",
            "HARTLEY_RATE_ENTERPRISE": "1000000000,1000000000,1000000000",
            "HARTLEY_TASKS_PER_USER": "100000",
            "HARTLEY_TASKS_PER_TENANT": "100000",
        }
        with started(**own) as services, _hartley(services) as hartley, _litellm(litellm, model) as peer:
            direct = _chat(DIRECT, int(model.root_url.rpartition(":")[2]))
            yield [direct, hartley, *([peer] if peer else [])]
    finally:
        model.stop()


@contextmanager
def _hartley(services: Services) -> Iterator[Door]:
    from tests.support.cast import person  # Django is set up by now
    from webapp.tenants.models import Role
    from webapp.tenants.services import create_tenant

    tenant = create_tenant(name="Bench", tier="enterprise", session_tokens=10**9)
    key = person(tenant, "owner", Role.OWNER).api_key
    with tempfile.TemporaryDirectory() as folder:
        farm = Farm(services, {"HARTLEY_SWEEP_S": "5"}, Path(folder))
        try:
            for name in ("web", *programs.WORKERS, "beat"):
                farm.launch(name)
            wait(farm.ready)
            body = json.dumps({"messages": SAID, "specific_model": MODEL}).encode()
            headers = {"X-API-Key": key, "Content-Type": "application/json"}
            yield Door(HARTLEY, farm.port, request("POST", "/v1/completions", headers=headers, body=body))
        finally:
            farm.stop()


def wait(ready: Callable[[], bool]) -> None:
    from tests.support.farm import eventually

    eventually(ready, within_s=90, every_s=0.2)


@contextmanager
def _litellm(folder: Path | None, model: ModelServer) -> Iterator[Door | None]:
    if folder is None:
        yield None
        return
    config = {
        "model_list": [
            {
                "model_name": MODEL,
                "litellm_params": {"model": f"openai/{MODEL}", "api_base": model.base_url, "api_key": KEY},
            }
        ],
        "litellm_settings": {"telemetry": False, "num_retries": 0},
        "general_settings": {"master_key": KEY},
    }
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "config.yaml"
        path.write_text(json.dumps(config))  # JSON is YAML
        command = [
            str(folder / "bin" / "litellm"), "--config", str(path), "--host", "127.0.0.1", "--port", str(port),
            "--num_workers", "1", "--telemetry", "False",
        ]  # fmt: skip
        own = ("PYTHON", "DJANGO", "HARTLEY", "OPENAI", "DATABASE", "REDIS", "CONFIG")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        environment |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        with running(command, environment, f"http://127.0.0.1:{port}/health/liveliness"):
            yield _chat(LITELLM, port)


def _chat(name: str, port: int) -> Door:
    body = json.dumps({"model": MODEL, "messages": SAID}).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    return Door(name, port, request("POST", "/v1/chat/completions", headers=headers, body=body))


def _round(door: Door, at: int, seconds: float) -> Result:
    return measure(door.name, door.port, lambda _: door.raw, seconds=seconds, connections=at, most=1_000_000)


def _median(rows: tuple[Result, ...]) -> Result:
    """Of each figure by itself; failures are added up."""
    figures = {
        name: statistics.median(getattr(row, name) for row in rows) for name in ("per_s", "p50_s", "p95_s", "p99_s")
    }
    return replace(rows[0], failed=sum(row.failed for row in rows), **figures)


def show(at: int, rows: list[Result]) -> None:
    """Latencies of the model server are whole, those of the others what they add to it."""
    base, *others = rows
    print(f"\n{at} at once{'':16}{'calls/s':>10}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}{'failed':>8}")
    print(_line(base.name, base, [1000 * base.p50_s, 1000 * base.p95_s, 1000 * base.p99_s]))
    added = {row.name: _added(row, base) for row in others}
    for row in others:
        print(_line(f"{row.name} adds", row, added[row.name]))
    if LITELLM in added:
        ratios = [ours / theirs for ours, theirs in zip(added[HARTLEY], added[LITELLM], strict=True)]
        print(f"{'Hartley to LiteLLM':26}{'':10}" + "".join(f"{ratio:10.2f}" for ratio in ratios), flush=True)


def _added(row: Result, base: Result) -> list[float]:
    return [1000 * (row.p50_s - base.p50_s), 1000 * (row.p95_s - base.p95_s), 1000 * (row.p99_s - base.p99_s)]


def _line(name: str, row: Result, latencies: list[float]) -> str:
    return f"{name:26}{row.per_s:10.0f}" + "".join(f"{ms:10.1f}" for ms in latencies) + f"{row.failed:8}"


if __name__ == "__main__":
    main()
