"""
DBOS and LangGraph, the same workflow, in a process and an environment of their own. Prints one JSON line per row.

    python -m benchmarks.engine.peers --postgres URL [--seconds 6] [--in-flight 50] [--times 40] [--only dbos]

Knows nothing of Hartley, so that it also runs where only the packages of benchmarks/peers.txt are installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import operator
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Any, TypedDict


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--postgres", required=True, help="URL of an empty database")
    given.add_argument("--seconds", type=float, default=6)
    given.add_argument("--in-flight", type=int, default=50)
    given.add_argument("--times", type=int, default=40, help="how often one runs alone")
    given.add_argument("--only", choices=["dbos", "langgraph"])
    options = given.parse_args()
    for name, rows in (("dbos", dbos_rows), ("langgraph", langgraph_rows)):
        if options.only in (None, name):
            try:
                for row in rows(options):
                    print(json.dumps(row), flush=True)
            except ImportError as error:
                print(f"{name} is not installed ({error}); it is left out", file=sys.stderr, flush=True)


def row(name: str, per_s: float, took: list[float]) -> dict[str, Any]:
    ordered = sorted(took)
    p50, p95 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    return {"name": name, "per_s": per_s, "p50_s": p50, "p95_s": p95}


def timed(run: Callable[[], object], times: int) -> list[float]:
    took = []
    for _ in range(times + 3):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return took[3:]


def dbos_rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    from dbos import DBOS, DBOSConfig

    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": options.postgres,
        "log_level": "ERROR",
        "run_admin_server": False,
    }
    DBOS(config=config)

    @DBOS.step()
    def nothing() -> None: ...

    @DBOS.step()
    async def anothing() -> None: ...

    @DBOS.workflow()
    async def inside() -> None:
        await anothing()
        await asyncio.gather(*(anothing() for _ in range(5)))
        await anothing()

    @DBOS.workflow()
    def child() -> None:
        nothing()

    @DBOS.workflow()
    def through_queue() -> None:
        nothing()
        for handle in [DBOS.enqueue_workflow("bench", child) for _ in range(5)]:
            handle.get_result()
        nothing()

    DBOS.launch()
    DBOS.register_queue("bench")
    try:
        yield asyncio.run(_async("DBOS, steps inside one process", lambda n: inside(), options))
        yield _threads("DBOS, child workflows through its queue", through_queue, options)
    finally:
        DBOS.destroy()


def langgraph_rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from langgraph.graph import END, START, StateGraph

    class State(TypedDict):
        done: Annotated[list[int], operator.add]

    async def step(state: State) -> dict[str, list[int]]:
        return {"done": [1]}

    graph = StateGraph(State)
    parts = [f"part{n}" for n in range(5)]
    for name in ("plan", *parts, "synthesis"):
        graph.add_node(name, step)
    graph.add_edge(START, "plan")
    for part in parts:
        graph.add_edge("plan", part)
    graph.add_edge(parts, "synthesis")
    graph.add_edge("synthesis", END)

    async def bench() -> dict[str, Any]:
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool

        kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        async with AsyncConnectionPool(options.postgres, min_size=4, max_size=10, kwargs=kwargs) as pool:
            saver = AsyncPostgresSaver(pool)
            await saver.setup()
            compiled = graph.compile(checkpointer=saver)

            async def run(n: int) -> None:
                settings = {"configurable": {"thread_id": f"t{n}"}}
                await compiled.ainvoke({"done": []}, settings, durability="sync")

            return await _async_row("LangGraph, Postgres checkpoints, durability sync", run, options)

    yield asyncio.run(bench())


async def _async(name: str, run: Callable[[int], Awaitable[object]], options: argparse.Namespace) -> dict[str, Any]:
    return await _async_row(name, run, options)


async def _async_row(name: str, run: Callable[[int], Awaitable[object]], options: argparse.Namespace) -> dict[str, Any]:
    number = 0
    done = 0
    begun = time.perf_counter()

    async def lane() -> None:
        nonlocal number, done
        while time.perf_counter() - begun < options.seconds:
            number += 1
            await run(number)
            done += 1

    await asyncio.gather(*(lane() for _ in range(options.in_flight)))
    per_s = done / (time.perf_counter() - begun)
    took = []
    for _ in range(options.times):
        number += 1
        began = time.perf_counter()
        await run(number)
        took.append(time.perf_counter() - began)
    return row(name, per_s, took)


def _threads(name: str, run: Callable[[], object], options: argparse.Namespace) -> dict[str, Any]:
    with ThreadPoolExecutor(options.in_flight) as pool:
        running: deque[Future[object]] = deque(pool.submit(run) for _ in range(options.in_flight))
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < options.seconds:
            running.popleft().result()
            done += 1
            running.append(pool.submit(run))
        per_s = done / (time.perf_counter() - begun)
        for future in running:
            future.result()
    return row(name, per_s, timed(run, min(options.times, 10)))


if __name__ == "__main__":
    main()
