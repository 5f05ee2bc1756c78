"""A session of 200 turns: tokens, cost and stored bytes of each turn, beside sending and storing all of it each time.

    python -m benchmarks.sessions [--turns 200]

Once through POST /v1/completions, where the client sends the whole history and asks for a window, and once as tasks of
one session. Starts its own Postgres, Valkey, web process, workers and a scripted model server that bills a token for
four characters of JSON. The naive figures are of the same texts: tokens as that server would bill them, bytes as the
same Postgres stores them in a row for each turn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.services import ROOT, Services, start_services

SYSTEM = {"role": "system", "content": "You advise a power station. Be brief and use figures."}
WORDS = 3_000  # of which the texts are made: with too few of them, Postgres would compress repetitions away
SHOWN_EVERY = 20
PROGRAMS = ("web", "worker-llm", "worker-control")
STORED = """
SELECT (SELECT coalesce(sum(pg_column_size(n.*)), 0) FROM agent_sessions_conversationnode n)
     + (SELECT coalesce(sum(pg_column_size(s.*)), 0) FROM agent_sessions_conversationsummary s) AS conversation,
       (SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM agent_tasks_task t)
     + (SELECT coalesce(sum(pg_column_size(s.*)), 0) FROM agent_tasks_step s) AS steps,
       (SELECT coalesce(sum(pg_column_size(e.*)), 0) FROM progress_event e) AS events
"""
SPENT = "SELECT coalesce(sum(prompt_tokens), 0)::int, coalesce(sum(usd), 0)::float FROM budgets_hold WHERE task_id = %s"


@dataclass(frozen=True)
class Turn:
    """Of one turn what was sent and paid, summaries included; of all so far what is stored."""

    tokens: int
    usd: float
    conversation_bytes: int
    steps_bytes: int
    events_bytes: int
    naive_tokens: int
    naive_bytes: int
    took_s: float

    @property
    def stored_bytes(self) -> int:
        return self.conversation_bytes + self.steps_bytes + self.events_bytes


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--turns", type=int, default=200)
    turns = given.parse_args().turns
    for title, ask in (("POST /v1/completions, history_window_size 50", completed), ("Tasks of one session", asked)):
        with hartley(turns) as (farm, key, database):
            show(title, list(session(farm, key, database, ask, turns)))


def session(farm: Farm, key: str, database: psycopg.Connection[Any], ask: Any, turns: int) -> Iterator[Turn]:
    database.execute("CREATE TABLE naive (messages jsonb)")
    said: list[dict[str, str]] = [SYSTEM]
    for number in range(turns):
        said.append({"role": "user", "content": question(number)})
        began = time.monotonic()
        task = ask(farm, key, said)
        took_s = time.monotonic() - began
        tokens, usd = one(database, SPENT, task)
        database.execute("INSERT INTO naive VALUES (%s::jsonb)", [json.dumps(said)])
        naive = one(database, "SELECT sum(pg_column_size(messages)) FROM naive")[0]
        asked_naively = len(json.dumps(said)) // 4
        said.append({"role": "assistant", "content": answer(number)})
        yield Turn(tokens, usd, *one(database, STORED), asked_naively, naive, took_s)


def question(number: int) -> str:
    return f"Turn {number}: {text(f'question {number}', 50)}?"


def answer(number: int) -> str:
    return text(f"answer {number}", 120)


def text(seed: str, words: int) -> str:
    return " ".join(Random(seed).choices(vocabulary(), k=words))


@cache
def vocabulary() -> list[str]:
    draw = Random("words")
    return ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(WORDS)]


def script(turns: int) -> list[dict[str, Any]]:
    """The newest question decides: later ones stand first, since earlier ones are told again."""
    summary = {"match": {"system_contains": "You summarise"}, "reply": {"text": text("summary", 250)}}
    numbers = reversed(range(turns))
    return [summary, *({"match": {"user_contains": f"Turn {n}:"}, "reply": {"text": answer(n)}} for n in numbers)]


def completed(farm: Farm, key: str, said: list[dict[str, str]]) -> str:
    status, body = farm.call(
        key, "/v1/completions", {"messages": said, "session_id": "bench", "history_window_size": 50}
    )
    assert status == 200, body
    return str(body["task_id"])


def asked(farm: Farm, key: str, said: list[dict[str, str]]) -> str:
    context = {"system_prompt": SYSTEM["content"]}
    task = farm.submit(key, said[-1]["content"], session_id="bench", mode="simple", context=context)
    assert farm.finished(key, task)["status"] == "TASK_STATUS_COMPLETED"
    return task


def one(database: psycopg.Connection[Any], sql: str, *params: Any) -> tuple[Any, ...]:
    found = database.execute(sql, params).fetchone()
    assert found is not None
    return tuple(found)


@contextmanager
def hartley(turns: int) -> Iterator[tuple[Farm, str, psycopg.Connection[Any]]]:
    """A farm of its own with an empty database, its owner's key, and a look into the rows."""
    services, models = start_services(), ModelServer()
    farm = Farm(services, environment(models), Path(tempfile.mkdtemp()))
    models.script(script(turns))
    try:
        key = prepared(services, farm.env)
        for name in PROGRAMS:
            farm.launch(name)
        eventually(lambda: answers(farm, key), within_s=60)
        with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"], autocommit=True) as database:
            yield farm, key, database
    finally:
        farm.stop()
        models.stop()
        services.stop()


def environment(models: ModelServer) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": models.base_url,
        "OPENAI_API_KEY": "sk-scripted",
        "HARTLEY_RATE_ENTERPRISE": "1000000,1000000,1000000",
        "HARTLEY_FIRST_TENANT_SESSION_TOKENS": "1000000000",
    }


def prepared(services: Services, more: dict[str, str]) -> str:
    environment = {**os.environ, **services.env, **more}
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "--database=owner", "-v", "0"], check=True, env=environment, cwd=ROOT)
    made = subprocess.run([*manage, "hartley_init"], check=True, env=environment, cwd=ROOT, capture_output=True)
    return str(json.loads(made.stdout)["api_key"])


def answers(farm: Farm, key: str) -> bool:
    try:
        return farm.call(key, "/v1/models")[0] == 200
    except OSError:
        return False


def show(title: str, turns: list[Turn]) -> None:
    print(f"\n{title}\n\nPer turn, means of {SHOWN_EVERY}; stored in kB.\n")
    head = (
        "turn",
        "tokens",
        "USD",
        "conversation",
        "steps",
        "events",
        "all stored",
        "naive tokens",
        "naive stored",
        "ms",
    )
    print("".join(f"{name:>14}" for name in head))
    for number in range(SHOWN_EVERY, len(turns) + 1, SHOWN_EVERY):
        print("".join(f"{cell:>14}" for cell in cells(turns, number)))
    half, whole = turns[len(turns) // 2 - 1], turns[-1]
    print(
        f"\nIn all {sum(turn.tokens for turn in turns):,} tokens for {sum(turn.usd for turn in turns):.4f} USD; naively "
        f"{sum(turn.naive_tokens for turn in turns):,} tokens. Stored after {len(turns)} turns: "
        f"{whole.stored_bytes / 1000:,.0f} kB, {whole.stored_bytes / half.stored_bytes:.2f} times what it was after half "
        f"of them; the naive histories alone {whole.naive_bytes / 1000:,.0f} kB, "
        f"{whole.naive_bytes / half.naive_bytes:.2f} times."
    )


def cells(turns: list[Turn], number: int) -> Iterator[str]:
    of = turns[number - SHOWN_EVERY : number]
    before = turns[number - SHOWN_EVERY - 1] if number > SHOWN_EVERY else None
    yield f"{number}"
    yield f"{mean(of, 'tokens'):,.0f}"
    yield f"{mean(of, 'usd'):.6f}"
    for name in ("conversation_bytes", "steps_bytes", "events_bytes", "stored_bytes"):
        yield f"{grown(of[-1], before, name) / len(of) / 1000:.2f}"
    yield f"{mean(of, 'naive_tokens'):,.0f}"
    yield f"{grown(of[-1], before, 'naive_bytes') / len(of) / 1000:.2f}"
    yield f"{1000 * mean(of, 'took_s'):.0f}"


def grown(last: Turn, before: Turn | None, name: str) -> int:
    return int(getattr(last, name) - (getattr(before, name) if before else 0))


def mean(turns: list[Turn], name: str) -> float:
    return float(sum(getattr(turn, name) for turn in turns)) / len(turns)


if __name__ == "__main__":
    main()
