"""A source as workers use it, and what looking at it brought: values, without their row."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from webapp.common.values import JSON


@dataclass(frozen=True)
class SourceInForce:
    """
    Args:
        tools: `{"name", "description", "parameters", "call"}` of each; the name is the source's own, without prefix.
        document: as the tenant gave it; only for a look.
    """

    id: UUID
    kind: str
    name: str
    address: str
    settings: JSON = field(repr=False)
    sealed: bytes | None = field(repr=False)
    tools: list[JSON] = field(repr=False)
    revision: int
    document: str = field(default="", repr=False)


@dataclass(frozen=True)
class Found:
    """
    What a look brought. `reason` is "" when the source answered.

    Args:
        left_out: `{"name", "reason"}` of what can't be a tool.
    """

    tools: list[JSON] = field(default_factory=list)
    left_out: list[JSON] = field(default_factory=list)
    reason: str = ""
