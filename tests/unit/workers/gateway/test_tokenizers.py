"""Counting by a tokenizer: never less than the bytes' bound allows, and nothing without a vocabulary."""

from __future__ import annotations

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.tokenizers import COUNTED_CHARS, Tokenizer, tokenizer_for
from workers.gateway.tokens import prompt_upper_bound
from workers.gateway.types import Message


def small() -> tiktoken.Encoding:
    """All bytes, and three words of English."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    for piece in ("th", "the", " t", " th", " the", "an", "and", " a", " an", " and"):
        ranks[piece.encode()] = len(ranks)
    return tiktoken.Encoding(
        "small", pat_str=r" ?\w+|\s+|[^\w\s]+", mergeable_ranks=ranks, special_tokens={"<|end|>": 999}
    )


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = Tokenizer(small)
    assert made.ready(5)
    return made


def test_words_that_the_tokenizer_knows_count_once(tokenizer: Tokenizer) -> None:
    assert tokenizer("the and the") == 3
    said: list[Message] = [{"role": "user", "content": "the and the " * 100}]
    assert prompt_upper_bound(said, (), count=tokenizer) < prompt_upper_bound(said, ()) / 3


@given(st.text(max_size=200))
def test_no_text_counts_for_more_than_its_bytes_nor_fails(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer(text) <= len(text.encode("utf-8", "surrogatepass"))
    said: list[Message] = [{"role": "user", "content": text}]
    assert tokenizer(text) < prompt_upper_bound(said, (), count=tokenizer) <= prompt_upper_bound(said, ())


def test_what_looks_like_a_special_token_is_text(tokenizer: Tokenizer) -> None:
    assert tokenizer("<|end|>") > 1


def test_a_very_long_text_goes_by_its_bytes(tokenizer: Tokenizer) -> None:
    assert tokenizer("a" * (COUNTED_CHARS + 1)) == COUNTED_CHARS + 1


def test_without_a_vocabulary_bytes_count() -> None:
    def broken() -> tiktoken.Encoding:
        raise OSError("no such file")

    without = Tokenizer(broken)
    assert not without.ready(5) and without("the") == 3


def test_nobody_knows_how_another_provider_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    assert tokenizer_for("openai", "gpt-4o") is None, "the operator has named no folder"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "/nowhere")
    assert tokenizer_for("groq", "gpt-4o") is None and tokenizer_for("openai", "unheard-of") is None
