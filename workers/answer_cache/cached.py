"""An answer that is kept, and its JSON form. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from webapp.common.values import JSON
from workers.gateway.types import Block, ModelReply, ToolCall, Usage


@dataclass(frozen=True)
class Cached:
    """
    Args:
        usage, cost_usd: what the call took that brought it.
        answered_at: when that was, with its time zone.
    """

    text: str
    provider: str
    model: str
    finish_reason: str
    usage: Usage
    cost_usd: Decimal
    answered_at: datetime
    tool_calls: Sequence[ToolCall] = ()
    blocks: Sequence[Block] = ()

    @classmethod
    def of(cls, reply: ModelReply, *, cost_usd: Decimal, answered_at: datetime) -> Cached:
        return cls(
            text=reply.text,
            provider=reply.provider,
            model=reply.model,
            finish_reason=reply.finish_reason,
            usage=reply.usage,
            cost_usd=cost_usd,
            answered_at=answered_at,
            tool_calls=tuple(reply.tool_calls),
            blocks=tuple(reply.blocks),
        )

    def reply(self) -> ModelReply:
        """As a model's that cost nothing."""
        return ModelReply(
            text=self.text,
            provider=self.provider,
            model=self.model,
            usage=Usage(),
            finish_reason=self.finish_reason,
            tool_calls=self.tool_calls,
            blocks=self.blocks,
        )

    def to_json(self) -> JSON:
        """
        `{"text": "Four.", "provider": "openai", "model": "gpt-4o-mini", "finish_reason": "stop", "usage":
        {"prompt_tokens": 12, ...}, "cost_usd": "0.0000048", "answered_at": "2026-03-01T12:00:00+00:00",
        "tool_calls": [], "blocks": []}`
        """
        return {
            **vars(self),
            "usage": asdict(self.usage),
            "cost_usd": format(self.cost_usd, "f"),
            "answered_at": self.answered_at.isoformat(),
            "tool_calls": [asdict(call) for call in self.tool_calls],
            "blocks": [dict(block) for block in self.blocks],
        }

    @classmethod
    def of_json(cls, body: Any) -> Cached | None:
        """None: it has another form, as another release may have kept it."""
        try:
            return cls._of_json(body)
        except (TypeError, KeyError, ValueError, InvalidOperation):
            return None

    @classmethod
    def _of_json(cls, body: Mapping[str, Any]) -> Cached:
        return cls(
            **{
                **body,
                "usage": Usage(**body["usage"]),
                "cost_usd": Decimal(body["cost_usd"]),
                "answered_at": datetime.fromisoformat(body["answered_at"]),
                "tool_calls": tuple(ToolCall(**call) for call in body["tool_calls"]),
                "blocks": tuple(body["blocks"]),
            }
        )
