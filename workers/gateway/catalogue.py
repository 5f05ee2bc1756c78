"""The catalogue of providers, models and prices, and the file that it is read from again when that changes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog

from workers.gateway.entries import Model, Pick, Provider, Shares, Strategy
from workers.gateway.errors import CatalogueInvalid, PriceUnknown
from workers.gateway.listing import Listing, listing_of
from workers.gateway.prices import listed, looked_up
from workers.gateway.reading import entries_of, text_of
from workers.gateway.types import ModelChoice, Price

SHIPPED = Path(__file__).with_name("catalogue.yaml")
REVISION_CHARS = 12
LOOK_S = 1.0  # between two looks at the operator's own version
log = structlog.get_logger()


@dataclass(frozen=True)
class Catalogue:
    """Everything as it was at one moment. Tiers and embeddings are in the order of preference."""

    providers: Mapping[str, Provider]
    tiers: Mapping[str, Sequence[Pick]]
    embeddings: Sequence[Pick] = ()
    strategy: Strategy = "cost_optimized"
    shares: Shares = field(default_factory=Shares)

    @classmethod
    def load(
        cls, path: Path, environ: Mapping[str, str], *, environment: str | None = None, more: str | None = None
    ) -> Catalogue:
        """
        The file, then its part for `environment`, then `more`, then the variables; a later one goes before.

        Args:
            more: YAML of the same form, as far as it differs: an operator's own version.
        Raises:
            CatalogueInvalid: names the key that is missing or odd, and who set it.
        """
        return cls.parse(text_of(path), environ, name=path.name, environment=environment, more=more)

    @classmethod
    def parse(
        cls,
        text: str,
        environ: Mapping[str, str],
        *,
        name: str = "catalogue",
        environment: str | None = None,
        more: str | None = None,
    ) -> Catalogue:
        """`load` for a text, which `name` stands for in errors."""
        entries = entries_of(text, environ, name=name, environment=environment, more=more)
        return cls(entries.providers, dict(entries.tiers), entries.embeddings, entries.strategy, entries.shares)

    @cached_property
    def revision(self) -> str:
        """The same for the same catalogue, whatever the keys are."""
        told = {
            "providers": {name: entry.model_dump(exclude={"api_key"}) for name, entry in self.providers.items()},
            "tiers": {tier: [pick.model_dump() for pick in picks] for tier, picks in self.tiers.items()},
            "embeddings": [pick.model_dump() for pick in self.embeddings],
            "strategy": self.strategy,
            "shares": self.shares.model_dump(),
        }
        body = json.dumps(told, sort_keys=True, default=_plain)
        return hashlib.sha256(body.encode()).hexdigest()[:REVISION_CHARS]

    def listing(self) -> Listing:
        """All that a page or the API may show."""
        return listing_of(self)

    def price_of(self, provider: str, model: str) -> Price:
        """
        Raises:
            PriceUnknown: neither the catalogue nor genai-prices knows the model.
        """
        entry = self.providers[provider]
        own = entry.models.get(model, Model()).price
        if own:
            return listed(own)
        if entry.prices_from:
            try:
                return looked_up(entry.prices_from, model)
            except LookupError:
                pass
        if entry.price:
            return listed(entry.price)
        raise PriceUnknown(
            f"No price is known for {model} of {provider}, so it is not called. Set it, in USD per million tokens: "
            f"CONFIG__PROVIDERS__{provider.upper()}__MODELS="
            f"'{{\"{model}\": {{price: {{input: 0, output: 0}}}}}}'"
        )

    def choice(self, provider: str, model: str, tier: str) -> ModelChoice:
        """
        A model that the catalogue doesn't list is taken to be able to do everything, in short answers.

        Raises:
            PriceUnknown.
        """
        known = self.providers[provider].models.get(model, Model())
        return ModelChoice(
            provider=provider,
            model=model,
            tier=tier,
            price=self.price_of(provider, model),
            max_output_tokens=known.max_output_tokens,
            capabilities=frozenset(known.capabilities),
            context_tokens=known.context_tokens,
        )


class CatalogueFile:
    """The file, followed. Its first version must be right; a later one that isn't is logged and passed over."""

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        *,
        environment: str | None = None,
        more: Callable[[], str | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            more: the text of the operator's own version as far as it is known; asked once a second, from within
                `current`, so it must answer at once.
        Raises:
            CatalogueInvalid.
        """
        self._path, self._environ, self._environment = path, environ, environment
        self._more, self._clock = more, clock
        self._looked_at = clock()
        self._own = more() if more else None
        self._seen = (self._stamp(), self._own)
        self._current = self._load()

    def current(self) -> Catalogue:
        """Costs a look at the file's time; it is read only when that has changed, or the own version."""
        self._look()
        seen = (self._stamp(), self._own)
        if seen != self._seen:
            self._seen = seen
            self._reload()
        return self._current

    def _look(self) -> None:
        """What can't be known now is as it was."""
        if self._more is None or self._clock() - self._looked_at < LOOK_S:
            return
        self._looked_at = self._clock()
        self._own = self._more()

    def _reload(self) -> None:
        try:
            self._current = self._load()
        except CatalogueInvalid as error:
            log.error("catalogue.rejected", error=str(error))
        else:
            log.info("catalogue.reloaded", providers=len(self._current.providers), revision=self._current.revision)

    def _load(self) -> Catalogue:
        return Catalogue.load(self._path, self._environ, environment=self._environment, more=self._own)

    def _stamp(self) -> tuple[int, int] | None:
        """None while an editor has the file away."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


def _plain(value: Any) -> Any:
    """For JSON: sets in one order, whatever the process; money as text."""
    return sorted(value) if isinstance(value, frozenset) else str(value)
