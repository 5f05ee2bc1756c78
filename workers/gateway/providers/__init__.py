"""One module per wire protocol."""

from __future__ import annotations

from workers.gateway.catalogue import Catalogue
from workers.gateway.complete import ModelProvider
from workers.gateway.providers.offline.provider import OfflineProvider
from workers.gateway.providers.openai import OpenAIProvider


def build_providers(catalogue: Catalogue) -> dict[str, ModelProvider]:
    """A client for each configured provider."""
    built: dict[str, ModelProvider] = {}
    for provider in catalogue.providers.values():
        if provider.configured and provider.protocol == "openai":
            built[provider.name] = OpenAIProvider(
                name=provider.name,
                api_key=catalogue.environ.get("OPENAI_API_KEY") or "none",
                base_url=catalogue.environ.get("OPENAI_BASE_URL") or None,
                connections=provider.concurrency,
            )
        elif provider.configured:
            built[provider.name] = OfflineProvider()
    return built
