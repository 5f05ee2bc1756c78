"""OpenAI's embeddings: the same text has always the same vector, of length 1."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from tests.support.model_server import openai_wire
from tests.support.model_server.rules import Reply

PATH = "/v1/embeddings"
DIMENSIONS = 64
error, broken, malformed = openai_wire.error, openai_wire.broken, openai_wire.malformed


def call_id(n: int) -> str:
    return f"embd_{n:06d}"


def messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """For rules and log the texts are what a user said."""
    return [{"role": "user", "content": text} for text in body["input"]]


def tools(_body: dict[str, Any]) -> list[str]:
    return []


def refusal(body: dict[str, Any]) -> str | None:
    texts = [text for text in body["input"] if isinstance(text, str) and text]
    return None if len(texts) == len(body["input"]) and not body.get("stream") else "input must be texts, none empty"


def completion(reply: Reply, _call: str, body: dict[str, Any], spent: dict[str, Any] | None) -> dict[str, Any]:
    """The last text's vector comes first: readers go by the index."""
    vectors = [vector(text, body.get("dimensions") or DIMENSIONS) for text in body["input"]]
    found = vectors if reply.vectors is None else reply.vectors
    data = [{"object": "embedding", "index": n, "embedding": numbers} for n, numbers in enumerate(found)]
    told = {"prompt_tokens": spent["prompt_tokens"], "total_tokens": spent["prompt_tokens"]} if spent else None
    return {"object": "list", "data": data[::-1], "model": body.get("model"), "usage": told}


def frames(_reply: Reply, _call: str, _body: dict[str, Any], _spent: dict[str, Any] | None) -> Iterator[bytes]:
    raise ValueError("embeddings do not stream")


def vector(text: str, dimensions: int) -> list[float]:
    """Directions as if drawn at random, from the text as seed."""
    drawn = random.Random(text)
    found = [drawn.gauss(0, 1) for _ in range(dimensions)]
    length = math.hypot(*found)
    return [number / length for number in found]
