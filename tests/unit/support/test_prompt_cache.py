"""What the scripted providers keep of prompts, and bill for it."""

from __future__ import annotations

from tests.support.model_server.prompt_cache import Kept, Read, Way, automatic, marked

WORDS = "word " * 2000  # 2,500 tokens
MARK = {"cache_control": {"type": "ephemeral", "ttl": "5m"}}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def provider() -> tuple[Kept, Clock]:
    clock = Clock()
    return Kept(now=clock), clock


def read(way: Way, kept: Kept, body: dict, key: str = "acme") -> Read:
    found = way(kept, key, {"model": "large", **body})
    kept.keep(found)
    return found


def chat(*said: str) -> dict:
    return {"messages": [{"role": "user", "content": text} for text in said]}


def blocks(*said: tuple[str, dict]) -> dict:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": text, **mark} for text, mark in said]}]}


def cached(found: Read) -> int:
    return found.usage["prompt_tokens_details"]["cached_tokens"]


def test_openais_beginnings_are_found_in_steps_of_128_tokens_and_only_from_1024_on():
    kept, _ = provider()
    assert cached(read(automatic, kept, chat(WORDS))) == 0
    again = read(automatic, kept, chat(WORDS, "And?"))
    assert cached(again) >= 1024 and cached(again) % 128 == 0 and again.tokens - cached(again) < 128 + 32
    short = chat("word " * 800)
    read(automatic, kept, short)
    assert cached(read(automatic, kept, short)) == 0


def test_another_key_model_or_beginning_finds_nothing():
    kept, _ = provider()
    read(automatic, kept, chat(WORDS))
    assert cached(read(automatic, kept, chat(WORDS), key="globex")) == 0
    assert cached(read(automatic, kept, {**chat(WORDS), "model": "small"})) == 0
    assert cached(read(automatic, kept, chat(f"New {WORDS}"))) == 0


def test_what_is_used_stays_five_minutes_more():
    kept, clock = provider()
    for clock.now in (0.0, 290.0, 580.0):
        found = read(automatic, kept, chat(WORDS))
    assert cached(found) > 0
    clock.now += 301
    assert cached(read(automatic, kept, chat(WORDS))) == 0


def test_anthropic_keeps_only_what_is_marked_and_bills_the_writing():
    kept, _ = provider()
    assert read(marked, kept, blocks((WORDS, {}))).usage == {
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "cache_write_1h_tokens": 0,
    }
    first = read(marked, kept, blocks((WORDS, MARK)))
    assert first.usage["cache_write_tokens"] == first.tokens
    then = read(marked, kept, blocks((WORDS, MARK), (WORDS, MARK)))
    assert then.usage["cached_tokens"] == first.tokens
    assert then.usage["cache_write_tokens"] == then.tokens - first.tokens


def test_anthropic_bills_an_hour_apart_and_keeps_it_so_long():
    kept, clock = provider()
    hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert read(marked, kept, blocks((WORDS, hour))).usage["cache_write_1h_tokens"] > 2000
    clock.now += 3000
    assert read(marked, kept, blocks((WORDS, hour))).usage["cached_tokens"] > 2000


def test_a_mark_finds_what_was_kept_at_most_twenty_blocks_before():
    kept, _ = provider()
    read(marked, kept, blocks((WORDS, MARK)))
    fillers = [(f"turn {n}", {}) for n in range(25)]
    near = read(marked, kept, blocks((WORDS, {}), *fillers[:18], ("And?", MARK)))
    kept.forget()
    read(marked, kept, blocks((WORDS, MARK)))
    far = read(marked, kept, blocks((WORDS, {}), *fillers, ("And?", MARK)))
    assert near.usage["cached_tokens"] > 2000 and far.usage["cached_tokens"] == 0
