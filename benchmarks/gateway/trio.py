"""Three scripted servers as the three providers of the small tier: where they are, what they do, what they were asked."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis import Redis

from tests.support.model_server import ModelServer
from webapp.common.breakers import BREAKERS

PICKS = {"groq": "openai/gpt-oss-20b", "openai": "gpt-4o-mini", "anthropic": "claude-haiku-5-5"}  # the cheapest first
DEAD_URL = "http://127.0.0.1:9/v1"  # nobody listens there
MARK = re.compile(r"Call (\d+)\.")
Rules = list[dict[str, Any]]


@dataclass(frozen=True)
class Seen:
    """A request as a server has logged it. `call` is the number that its prompt names."""

    provider: str
    call: int
    entry: dict[str, Any]

    @property
    def running(self) -> bool:
        return bool(self.entry["outcome"] == "running")


class Trio:
    def __init__(self) -> None:
        self.servers = {name: ModelServer() for name in PICKS}

    @property
    def environment(self) -> dict[str, str]:
        """The providers as shipped, breakers included, but for their rates."""
        found = {"CONFIG__TIERS__SMALL": tier(PICKS)}
        for name, server in self.servers.items():
            found[f"{name.upper()}_API_KEY"] = "sk-scripted"
            found[f"{name.upper()}_BASE_URL"] = server.root_url if name == "anthropic" else server.base_url
            found[f"CONFIG__PROVIDERS__{name.upper()}__REQUESTS_PER_MINUTE"] = "100000000"
        return found

    def follow(self, rules_of: Callable[[int], Rules]) -> None:
        """Empty logs, and each server with the rules for its seed, so that they don't fail at the same calls."""
        for seed, server in enumerate(self.servers.values(), 1):
            server.reset()
            server.script(rules_of(seed))

    def seen(self, within_s: float = 30.0) -> list[Seen]:
        """When no request runs any more."""
        deadline = time.monotonic() + within_s
        while True:
            found = list(self._seen())
            if not any(one.running for one in found) or time.monotonic() > deadline:
                return found
            time.sleep(0.2)

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()

    def _seen(self) -> Iterator[Seen]:
        for name, server in self.servers.items():
            for entry in server.log():
                yield Seen(name, called(entry), entry)


def called(entry: dict[str, Any]) -> int:
    """The number of the call that a logged request belongs to; -1 for none."""
    marked = MARK.search(json.dumps(entry["messages"]))
    return int(marked[1]) if marked else -1


def tier(names: Sequence[str] | dict[str, str]) -> str:
    """As the environment names it."""
    return "[" + ", ".join(f"{{provider: {name}, model: {PICKS[name]}}}" for name in names) + "]"


@contextmanager
def trio() -> Iterator[Trio]:
    servers = Trio()
    try:
        yield servers
    finally:
        servers.stop()


def forget_breakers(redis_url: str) -> None:
    """What an earlier run has found out says nothing about this one."""
    with Redis.from_url(redis_url) as redis:
        redis.delete(BREAKERS, *redis.scan_iter("hartley:bucket:*"))
