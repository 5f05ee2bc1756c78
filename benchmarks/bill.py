"""
What a workload costs: the large model with the whole conversation and no cache, beside the same through Hartley.

    python benchmarks/bill.py [--model fixed free] [--provider openai anthropic] [--workload FILE] [--window N]

`fixed`: the same large model for everything, so that only caches and context save; `free`: a question's complexity chooses
between a small and the large model. Both sides ask the same scripted server, which bills like the provider; the naive
requests are really sent. OpenAI keeps prompts unasked, for the naive side too; Anthropic only when it is asked, which the
naive side does not do. Rows in Postgres (fsync on), worker and web processes as production starts them. Ends with 1 where
less is saved than wanted (40 % fixed, 70 % free), where a cache gave a wrong answer, or where the ledger and the server's
own log differ by a cent. docs/bill.md tells how the workload was made and how to bring another.
"""

from __future__ import annotations

import argparse
import sys
import time
from decimal import Decimal
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.billing.naive import Plainly
from benchmarks.billing.play import Asked
from benchmarks.billing.prices import log_usd, price_usd
from benchmarks.billing.served import Served, environment, hartley
from benchmarks.billing.sums import Line, sums
from benchmarks.billing.table import Bill, show
from benchmarks.billing.workload import SHIPPED, Malformed, Workload, read
from benchmarks.engine.started import started
from tests.support.farm import Farm
from tests.support.model_server import ModelServer
from tests.support.services import Services

SMALL = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-5-5"}
LARGE = {"openai": "gpt-4.1", "anthropic": "claude-opus-5-5"}
WANTED = {"fixed": Decimal("0.4"), "free": Decimal("0.7")}
DELAY_S = 0.1  # of each answer, so that equal questions meet


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--model", nargs="+", choices=WANTED, default=list(WANTED), help="default: both")
    given.add_argument("--provider", nargs="+", choices=LARGE, default=["anthropic"], help="default: anthropic")
    given.add_argument("--workload", type=Path, default=SHIPPED, help="another workload; docs/bill.md has the format")
    given.add_argument("--window", type=int, help="messages of a conversation; of longer ones the middle is summed up")
    options = given.parse_args()
    try:
        workload = read(options.workload)
    except (OSError, ValueError, Malformed) as error:
        given.error(str(error))
    server = ModelServer()
    try:
        with started(**environment(server, LARGE)) as services:
            sys.exit(1 if measure(workload, server, services, options) else 0)
    finally:
        server.stop()


def measure(workload: Workload, server: ModelServer, services: Services, options: argparse.Namespace) -> int:
    """How many promises were broken."""
    plainly = {provider: naive(workload, server, provider) for provider in options.provider}
    broken = 0
    for way in options.model:
        with hartley(services, LARGE if way == "fixed" else SMALL) as farm:
            for provider in options.provider:
                bill = billed(workload, server, farm, provider, way, options.window, *plainly[provider])
                show(bill)
                broken += len(list(bill.broken()))
    return broken


def naive(workload: Workload, server: ModelServer, provider: str) -> tuple[list[Asked], list[Line]]:
    prepare(server, workload)
    return Plainly(server, LARGE[provider]).play(workload)


def billed(
    workload: Workload,
    server: ModelServer,
    farm: Farm,
    provider: str,
    way: str,
    window: int | None,
    plainly: list[Asked],
    before: list[Line],
) -> Bill:
    prepare(server, workload)
    began, large = time.monotonic(), LARGE[provider]
    asked, books = Served(farm, server, provider, large if way == "fixed" else None, window).play(workload)
    return Bill(
        title=f"{large} for everything" if way == "fixed" else f"{large}, or {SMALL[provider]} where it will do",
        want=WANTED[way],
        plainly=plainly,
        before=before,
        asked=asked,
        books=books,
        server_usd=log_usd(server.log()),
        sums=sums(before, books.lines, partial(dear, large)),
        took_s=time.monotonic() - began,
    )


def prepare(server: ModelServer, workload: Workload) -> None:
    """An empty log, and models that know the workload's facts."""
    server.reset()
    server.teach(workload.facts, small=list(SMALL.values()))
    server.script([{"reply": {"taught": True, "usage": "cached", "delay_s": DELAY_S}}])


def dear(model: str, prompt: int, completion: int) -> Decimal:
    return price_usd(model, prompt=prompt, completion=completion)


if __name__ == "__main__":
    main()
