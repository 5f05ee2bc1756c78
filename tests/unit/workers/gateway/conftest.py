"""A catalogue file of the test's own, and requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workers.gateway.types import ModelRequest

TEXT = """
providers:
  acme:
    protocol: openai
    api_key_env: ACME_KEY
    base_url_env: ACME_URL
    prices_from: openai
    requests_per_minute: 1000
    connections: 10
    breaker: {failures: 2, recovery_s: 5}
    models:
      gpt-4o-mini: {max_output_tokens: 100, capabilities: [tools, streaming]}
      plain-1: {max_output_tokens: 50, capabilities: [streaming], price: {input: 1.5, output: 6, cached: 0.75, cache_write: 2, cache_write_1h: 3}}
      unpriced-1: {max_output_tokens: 50}
  offline:
    protocol: offline
    requests_per_minute: 1000
    connections: 10
    breaker: {failures: 9, recovery_s: 1}
    models:
      rules: {max_output_tokens: 100, price: {input: 0, output: 0}}
tiers:
  small: [{provider: acme, model: plain-1}, {provider: acme, model: gpt-4o-mini}, {provider: offline, model: rules}]
  medium: [{provider: acme, model: gpt-4o-mini}, {provider: offline, model: rules}]
  large: [{provider: acme, model: gpt-4o-mini}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def request_of() -> Callable[..., ModelRequest]:
    def build(**more: Any) -> ModelRequest:
        base: dict[str, Any] = {"purpose": "turn", "provider": "acme", "model": "plain-1", "query": "Why?"}
        return ModelRequest(**{**base, "messages": [{"role": "user", "content": "Why?"}], **more})

    return build
