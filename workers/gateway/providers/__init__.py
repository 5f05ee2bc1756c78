"""One module per wire protocol."""

from __future__ import annotations

from workers.gateway.catalogue import Catalogue
from workers.gateway.clients import ModelProvider
from workers.gateway.entries import Protocol, Provider
from workers.gateway.providers.offline.provider import OfflineProvider
from workers.gateway.providers.sdk import SdkProvider


def build_providers(catalogue: Catalogue) -> dict[str, ModelProvider]:
    """A client for each configured provider."""
    return {name: build_provider(name, entry) for name, entry in catalogue.providers.items() if entry.configured}


def build_provider(name: str, entry: Provider) -> ModelProvider:
    if entry.protocol == "offline":
        return OfflineProvider()
    return sdk_of(entry.protocol)(name, entry)


def sdk_of(protocol: Protocol) -> type[SdkProvider]:
    """Imports the SDK when it is first asked for, which takes seconds: see workers.gateway.sdks."""
    if protocol == "anthropic":
        from workers.gateway.providers.anthropic import AnthropicProvider

        return AnthropicProvider
    from workers.gateway.providers.openai import OpenAIProvider

    return OpenAIProvider
