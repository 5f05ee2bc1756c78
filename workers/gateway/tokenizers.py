"""
The tokens of a text by the model's own tokenizer, where there is one: OpenAI's, by tiktoken, from a folder that the operator
names in TIKTOKEN_CACHE_DIR. Without it nothing is fetched, and bytes are the bound.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache, lru_cache

import structlog
import tiktoken

log = structlog.get_logger()
Count = Callable[[str], int]
COUNTED_CHARS = 50_000  # of a text; a longer one takes so long to count that its bytes must do
KEPT = 4096  # texts whose count is remembered: a conversation's are counted at each of its turns


class Tokenizer:
    """Reads its vocabulary beside the caller, who goes by bytes until then."""

    def __init__(self, load: Callable[[], tiktoken.Encoding]) -> None:
        self._load = load
        self._encoding: tiktoken.Encoding | None = None
        self._counted = lru_cache(maxsize=KEPT)(self._count)
        self._reader = threading.Thread(target=self._read, name="tokenizer", daemon=True)
        self._reader.start()

    def ready(self, within_s: float) -> bool:
        self._reader.join(within_s)
        return self._encoding is not None

    def __call__(self, text: str) -> int:
        """At least as many as the model is billed for: of a text that can't be counted, its bytes."""
        if self._encoding is None or len(text) > COUNTED_CHARS:
            return len(text.encode("utf-8", "surrogatepass"))
        return self._counted(text)

    def _count(self, text: str) -> int:
        assert self._encoding is not None
        return len(self._encoding.encode(text, disallowed_special=()))

    def _read(self) -> None:
        try:
            self._encoding = self._load()
        except Exception as error:  # whatever the file, the network or the library has against it
            log.warning("tokenizer.unavailable", error=type(error).__name__)


def tokenizer_for(provider: str, model: str) -> Count | None:
    """None: nobody here knows how this provider counts."""
    if provider != "openai" or not os.environ.get("TIKTOKEN_CACHE_DIR"):
        return None
    try:
        return _named(tiktoken.encoding_name_for_model(model))
    except KeyError:
        return None


@cache
def _named(name: str) -> Tokenizer:
    return Tokenizer(lambda: tiktoken.get_encoding(name))
