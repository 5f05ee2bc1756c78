"""What is said of a tool, as a value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Setting:
    """None: as the tool declares it."""

    name: str
    is_enabled: bool = True
    dangerous: bool | None = None
    price_usd: Decimal | None = None
    rate_per_minute: int | None = None
    concurrency: int | None = None
    timeout_s: float | None = None
