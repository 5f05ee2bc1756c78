"""The shape of the catalogue file. Each entry checks itself; a key that is unknown here is a mistake."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr, model_validator

Capability = Literal["tools", "streaming", "vision", "files", "schema", "reasoning", "embeddings"]
Protocol = Literal["openai", "responses", "anthropic", "offline"]
Strategy = Literal["cost_optimized", "performance", "load_balanced", "quality", "scored"]
UsdPerMillion = Annotated[Decimal, Field(ge=0)]
Percent = Annotated[int, Field(ge=0, le=100)]
MILLION = Decimal(1_000_000)


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ListedPrice(Entry):
    input: UsdPerMillion
    output: UsdPerMillion
    cached: UsdPerMillion | None = None
    cache_write: UsdPerMillion | None = None
    cache_write_1h: UsdPerMillion | None = None


class Model(Entry):
    """
    Without a `price` of its own, a model's price is looked up in genai-prices.

    Attributes:
        context_tokens: prompt and completion together; None is not known.
        dimensions: of an embedding model's vectors.
        protocol: where it differs from its provider's.
    """

    max_output_tokens: PositiveInt = 4096
    context_tokens: PositiveInt | None = None
    capabilities: frozenset[Capability] = frozenset({"tools", "streaming"})
    dimensions: PositiveInt | None = None
    protocol: Protocol | None = None
    price: ListedPrice | None = None


class Dialect(Entry):
    """
    Where a server that speaks OpenAI's chat protocol departs from it.

    Attributes:
        max_tokens: the name of that parameter.
        usage: whether a stream must be asked for its usage.
        schema: how an answer in JSON is asked for; `none`: in the prompt only.
        reasoning: how the effort is told.
    """

    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    usage: Literal["stream_options", "always"] = "stream_options"
    schema_: Literal["json_schema", "json_object", "none"] = Field(default="json_schema", alias="schema")
    reasoning: Literal["reasoning_effort", "none"] = "reasoning_effort"


class BreakerLimits(Entry):
    """`failures` in a row open it; `recovery_s` later one probe may close it."""

    failures: PositiveInt
    recovery_s: PositiveFloat


class Provider(Entry):
    """
    Attributes:
        base_url: the provider's public address, unless somebody set another; None is the SDK's own.
        own_address: somebody did, so that it counts as configured without a key. Filled in when it is read.
        prices_from: the provider's name in genai-prices.
        price: of models that have none of their own and are not looked up; a server of one's own costs nothing.
    """

    protocol: Protocol
    dialect: Dialect = Dialect()
    api_key: SecretStr | None = None
    base_url: str | None = Field(default=None, pattern="^https?://")
    api_key_env: str | None = None
    base_url_env: str | None = None
    own_address: bool = False
    prices_from: str | None = None
    price: ListedPrice | None = None
    requests_per_minute: PositiveInt
    connections: PositiveInt
    breaker: BreakerLimits
    models: dict[str, Model]

    @property
    def local(self) -> bool:
        """Answers by itself, with no model and no network."""
        return self.protocol == "offline"

    @property
    def configured(self) -> bool:
        return self.local or bool(self.api_key) or self.own_address


class Pick(Entry):
    provider: str
    model: str


class Tiers(Entry):
    small: list[Pick] = Field(min_length=1)
    medium: list[Pick] = Field(min_length=1)
    large: list[Pick] = Field(min_length=1)


class Shares(Entry):
    """The part of all calls that each tier is meant to get, in percent: together 100."""

    small: Percent = 50
    medium: Percent = 40
    large: Percent = 10

    @model_validator(mode="after")
    def _whole(self) -> Shares:
        total = self.small + self.medium + self.large
        if total != 100:
            raise ValueError(f"they add up to {total}, not to 100")
        return self


class Entries(Entry):
    """The whole of it, without `environments`. `embeddings` is in the order of preference, like each tier."""

    strategy: Strategy = "cost_optimized"
    providers: dict[str, Provider]
    tiers: Tiers
    shares: Shares = Shares()
    embeddings: list[Pick] = []
