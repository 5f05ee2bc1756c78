"""From the catalogue's text to its entries: layers laid over each other, checked, mistakes told with key and source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workers.gateway.entries import Entries
from workers.gateway.errors import CatalogueInvalid
from workers.gateway.layers import Sources, layered, parsed
from workers.gateway.overrides import apply_environment

MISTAKES = 10  # told in one error


def text_of(path: Path) -> str:
    """
    Raises:
        CatalogueInvalid
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogueInvalid(f"{path.name} can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CatalogueInvalid(f"{path.name} is not YAML: {error}") from None


def entries_of(
    text: str, environ: Mapping[str, str], *, name: str, environment: str | None, more: str | None
) -> Entries:
    """
    Args:
        name: what the text is called in errors.
    Raises:
        CatalogueInvalid
    """
    raw, sources = layered(parsed(text, name), file=name, environment=environment, more=more)
    raw = apply_environment(raw, environ, sources)
    _mark_own_addresses(raw, sources)
    try:
        entries = Entries.model_validate(raw)
    except ValidationError as error:
        raise CatalogueInvalid(f"{name}: {_explained(error, sources)}") from None
    for path, mistake in _odd_picks(entries):
        raise CatalogueInvalid(f"{name}: {_shown(path, sources)}: {mistake}")
    return entries


def _odd_picks(entries: Entries) -> Iterator[tuple[tuple[str, ...], str]]:
    """Key and rule of each pick of something that isn't there, or doesn't do what the list is for."""
    lists = [(("tiers", name), picks) for name, picks in entries.tiers]
    for place, picks in [*lists, (("embeddings",), entries.embeddings)]:
        for number, pick in enumerate(picks):
            path = (*place, str(number))
            if pick.provider not in entries.providers:
                yield (*path, "provider"), f"there is no provider {pick.provider}"
                continue
            model = entries.providers[pick.provider].models.get(pick.model)
            if model is None:
                yield (*path, "model"), f"{pick.provider} has no {pick.model} under models"
            elif ("embeddings" in model.capabilities) is not (place == ("embeddings",)):
                yield (*path, "model"), f"{pick.model} is {'' if place[0] == 'tiers' else 'not '}for embeddings"


def _mark_own_addresses(raw: Mapping[str, Any], sources: Sources) -> None:
    """Where a layer above the file set `base_url`."""
    providers = raw.get("providers")
    for name, body in (providers if isinstance(providers, dict) else {}).items():
        if isinstance(body, dict) and body.get("base_url") and ("providers", str(name), "base_url") in sources:
            body.setdefault("own_address", True)


def _explained(error: ValidationError, sources: Sources) -> str:
    """Key and rule of the first mistakes, never the value: it may be a secret."""
    found = error.errors()
    told = [f"{_shown(item['loc'], sources)}: {item['msg']}" for item in found[:MISTAKES]]
    return "; ".join(told) + (f"; and {len(found) - MISTAKES} more" if len(found) > MISTAKES else "")


def _shown(path: tuple[int | str, ...], sources: Sources) -> str:
    source = sources.of(path)
    return ".".join(map(str, path)) + (f" (from {source})" if source else "")
